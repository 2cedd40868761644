"""A schema that is newer than the server: which servers go on with it, and who may migrate it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from textwrap import dedent

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import owner_engine, service_engine
from adapters.postgres.schema import SchemaNotReady, newest_revision, require_ready, upgrade
from tests.adapters.postgres.reading import NewDatabase

MIGRATE = dedent("""
    import asyncio, sys
    from adapters.postgres.engine import owner_engine
    from adapters.postgres.schema import upgrade

    async def main():
        engine = owner_engine(sys.argv[1])
        await upgrade(engine)
        await engine.dispose()

    asyncio.run(main())
""")


@pytest.fixture(scope="module")
async def url(new_database: NewDatabase) -> str:
    url = await new_database()
    engine = owner_engine(url)
    await upgrade(engine)
    await engine.dispose()
    return url


@pytest.fixture
async def owner(url: str) -> AsyncIterator[AsyncEngine]:
    engine = owner_engine(url)
    yield engine
    await at(engine, newest_revision(), newest_revision())
    await engine.dispose()


@pytest.fixture
async def service(url: str) -> AsyncIterator[AsyncEngine]:
    engine = service_engine(url, pool_size=1)
    yield engine
    await engine.dispose()


async def at(owner: AsyncEngine, revision: str, oldest: str | None) -> None:
    """The schema is of this revision, and says which servers can work with it."""
    async with owner.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        note = "NULL" if oldest is None else f"'{oldest}'"
        await connection.execute(text(f"COMMENT ON TABLE alembic_version IS {note}"))


async def test_whoever_migrates_notes_which_servers_can_work_with_it(owner: AsyncEngine) -> None:
    async with owner.connect() as connection:
        noted = await connection.scalar(text("SELECT obj_description('alembic_version'::regclass, 'pg_class')"))
    assert noted is not None
    assert noted <= newest_revision()


async def test_a_server_goes_on_with_a_newer_schema_that_lets_it(owner: AsyncEngine, service: AsyncEngine) -> None:
    await at(owner, "9999", newest_revision())
    await require_ready(service)
    await at(owner, "9999", "0001")
    await require_ready(service)


@pytest.mark.parametrize("oldest", ["9998", None])
async def test_a_server_refuses_a_newer_schema_that_does_not(
    owner: AsyncEngine, service: AsyncEngine, oldest: str | None
) -> None:
    await at(owner, "9999", oldest)
    with pytest.raises(SchemaNotReady) as refused:
        await require_ready(service)
    assert "is at revision 9999" in str(refused.value)
    assert f"from revision {oldest or '9999'} on" in str(refused.value)
    assert "run a newer version" in str(refused.value)


async def test_an_older_version_does_not_migrate_what_a_newer_one_has_made(owner: AsyncEngine) -> None:
    await at(owner, "9999", newest_revision())
    with pytest.raises(SchemaNotReady, match="revision 9999, which is newer than this version of Partita"):
        await upgrade(owner)


async def test_a_migration_waits_for_another_that_goes_on_in_another_process(owner: AsyncEngine, url: str) -> None:
    async with owner.connect() as other:
        await other.execute(text("SELECT pg_advisory_lock(7061727)"))
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, url)
        asking = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_try_advisory_lock%'")
        deadline = time.monotonic() + 30
        while not await other.scalar(asking):
            await other.rollback()  # within a transaction, the same is shown again
            assert time.monotonic() < deadline
        assert process.returncode is None
        await other.execute(text("SELECT pg_advisory_unlock(7061727)"))
        await other.rollback()
        assert await process.wait() == 0


async def test_a_migration_gives_up_where_a_lock_cannot_be_had(
    owner: AsyncEngine, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.postgres.schema._LOCK_SECONDS", 0.1)
    async with owner.begin() as other:
        # As a dump holds it for all of its time, this keeps others from noting anything beside the table.
        await other.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(SchemaNotReady, match=r"holds a lock that the migration needs, for 0\.1 seconds now"):
            await upgrade(owner)

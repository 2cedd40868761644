"""The schema: what the migrations make, what the tables say, and what a server makes sure of before it starts."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.engine import BadDatabaseUrl, owner_engine, service_engine
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.schema import SchemaNotReady, newest_revision, require_ready, upgrade
from adapters.postgres.tables import metadata
from tests.adapters.postgres.reading import NewDatabase
from tests.builders import transaction_id

UPGRADE = """
import asyncio, sys
from adapters.postgres.engine import owner_engine
from adapters.postgres.schema import upgrade

async def main():
    engine = owner_engine(sys.argv[1])
    await upgrade(engine)
    await engine.dispose()

asyncio.run(main())
"""


async def do(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def revision(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        return await connection.run_sync(lambda held: MigrationContext.configure(held).get_current_revision())


async def described(connection: AsyncConnection) -> dict[str, Any]:
    """All that there is in a schema: columns, constraints, indexes, policies, privileges and sequences."""
    queries = {
        "columns": "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace",
        "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "policies": "SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies",
        "privileges": "SELECT relname, relacl::text, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')",
    }
    return {name: sorted(map(repr, (await connection.execute(text(query))).all())) for name, query in queries.items()}


async def test_the_migrations_make_what_the_tables_say(migrated_url: str, owner_engine: AsyncEngine) -> None:
    def differences(held: Connection) -> list[Any]:
        context = MigrationContext.configure(
            held, opts={"compare_type": True, "compare_server_default": True, "target_metadata": metadata}
        )
        return list(compare_metadata(context, metadata))

    async with owner_engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_keys_constraints_and_indexes_have_the_columns_and_conditions_that_the_tables_say(
    migrated_url: str, owner_engine: AsyncEngine, empty: AsyncEngine
) -> None:
    # What `compare_metadata` does not look at, such as primary keys, collations and the conditions of indexes.
    async with empty.begin() as connection:
        await connection.run_sync(metadata.create_all)
        said = await described(connection)
    async with owner_engine.connect() as connection:
        made = await described(connection)
    ours = {name for name in made["columns"] if "alembic_version" not in name}
    assert set(said["columns"]) == ours
    for kind in ("constraints", "indexes"):
        assert said[kind] == [each for each in made[kind] if "alembic_version" not in each]


async def test_texts_that_are_put_in_order_are_ordered_by_their_bytes(
    migrated_url: str, owner_engine: AsyncEngine
) -> None:
    indexed = text(
        "SELECT relname, attname, collname FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
        " LEFT JOIN pg_collation ON pg_collation.oid = attcollation"
        " WHERE relnamespace = 'public'::regnamespace AND atttypid = 'text'::regtype AND relname <> 'alembic_version'"
    )
    async with owner_engine.connect() as connection:
        columns = (await connection.execute(indexed)).all()
    assert len(columns) > 5
    assert {collation for _, _, collation in columns} == {"C"}


async def test_upgrading_again_changes_nothing(empty: AsyncEngine) -> None:
    await upgrade(empty)
    async with empty.connect() as connection:
        before = await described(connection)
    await upgrade(empty)
    async with empty.connect() as connection:
        assert await described(connection) == before
    assert await revision(empty) == newest_revision()


async def test_many_may_upgrade_at_once(empty: AsyncEngine) -> None:
    await asyncio.gather(*[upgrade(empty) for _ in range(2)])
    assert await revision(empty) == newest_revision()


async def test_several_processes_may_upgrade_several_databases_at_once(new_database: NewDatabase) -> None:
    # The role is the cluster's, and so the same for all of them.
    urls = [await new_database(), await new_database()]
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", UPGRADE, url) for url in urls for _ in range(2)
    ]
    assert [await process.wait() for process in processes] == [0] * 4
    for url in urls:
        engine = owner_engine(url)
        assert await revision(engine) == newest_revision()
        await engine.dispose()


async def test_an_upgrade_that_fails_leaves_nothing_behind(empty: AsyncEngine) -> None:
    await do(empty, "CREATE TABLE metadata_values (in_the_way integer)")
    with pytest.raises(Exception, match="metadata_values"):
        await upgrade(empty)
    async with empty.connect() as connection:
        assert await connection.run_sync(lambda held: inspect(held).get_table_names()) == ["metadata_values"]


async def downgrade(engine: AsyncEngine, to: str) -> None:
    def go(held: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parents[3] / "migrations"))
        config.attributes["connection"] = held
        command.downgrade(config, to)

    async with engine.begin() as connection:
        await connection.run_sync(go)


KEY = "INSERT INTO api_keys (organisation_id, id, name, digest, hint, created_at{}) SELECT 1, gen_random_uuid(), '{}', "
LIMITS = {
    "full": "'{owner}', NULL, NULL, NULL, NULL::timestamptz, NULL::uuid",
    "of another role": "'{operator}', NULL, NULL, NULL, NULL, NULL",
    "of ledgers": "'{owner}', '{main}', NULL, NULL, NULL, NULL",
    "of accounts": "'{owner}', NULL, '{assets:**}', NULL, NULL, NULL",
    "of networks": "'{owner}', NULL, NULL, '{10.0.0.0/8}', NULL, NULL",
    "expired": "'{owner}', NULL, NULL, NULL, '2026-01-01', NULL",
    "replaced": "'{owner}', NULL, NULL, NULL, NULL, gen_random_uuid()",
}


async def test_a_downgrade_takes_everything_back_and_an_upgrade_makes_it_anew(empty: AsyncEngine) -> None:
    await upgrade(empty)
    async with empty.connect() as connection:
        before = await described(connection)
    await downgrade_revokes_the_keys_that_a_server_before_would_let_do_more(empty)
    await downgrade(empty, "base")
    async with empty.connect() as connection:
        assert await connection.run_sync(lambda held: inspect(held).get_table_names()) == ["alembic_version"]
        assert await connection.run_sync(lambda held: inspect(held).get_sequence_names()) == []
    assert await revision(empty) is None
    await upgrade(empty)
    async with empty.connect() as connection:
        assert await described(connection) == before


async def downgrade_revokes_the_keys_that_a_server_before_would_let_do_more(engine: AsyncEngine) -> None:
    columns = ", scopes, ledgers, accounts, networks, expires_at, replaced_by"
    await do(
        engine,
        "INSERT INTO organisations (id, name, created_at) OVERRIDING SYSTEM VALUE VALUES (1, 'One', now())",
        *[KEY.format(columns, name) + f"sha256('{name}'), 'ptk_', now(), {values}" for name, values in LIMITS.items()],
    )
    await downgrade(engine, "0005")
    async with engine.connect() as connection:
        names = await connection.scalars(text("SELECT name FROM api_keys WHERE revoked_at IS NULL"))
        assert list(names) == ["full"]
    await upgrade(engine)
    async with engine.connect() as connection:
        scopes = await connection.scalars(text("SELECT scopes FROM api_keys WHERE name = 'full'"))
        assert list(scopes) == [["owner"]]
    with pytest.raises(IntegrityError, match='null value in column "scopes"'):
        await do(engine, KEY.format("", "of an older server") + "sha256('x'), 'ptk_', now()")


async def test_a_server_is_content_with_a_migrated_database(service_engine: AsyncEngine) -> None:
    await require_ready(service_engine)


async def refusal(url: str) -> str:
    """What a server says of the database that it refuses."""
    service = service_engine(url, pool_size=1)
    with pytest.raises(SchemaNotReady) as refused:
        await require_ready(service)
    await service.dispose()
    return str(refused.value)


async def test_a_server_refuses_a_database_that_was_never_migrated(
    migrated_url: str, new_database: NewDatabase
) -> None:
    assert await refusal(await new_database()) == "The database has not been migrated: run `partita migrate`."


async def test_a_server_refuses_a_database_of_another_revision(new_database: NewDatabase) -> None:
    url = await new_database()
    engine = owner_engine(url)
    await upgrade(engine)
    await do(engine, "UPDATE alembic_version SET version_num = '0000'")
    said = await refusal(url)
    assert "at revision 0000" in said
    assert f"needs {newest_revision()}" in said
    assert "run `partita migrate`" in said
    await do(engine, "DELETE FROM alembic_version")
    assert "run `partita migrate`" in await refusal(url)
    await engine.dispose()


@pytest.mark.parametrize("attribute", ["BYPASSRLS", "SUPERUSER"])
async def test_a_server_refuses_a_role_that_row_level_security_does_not_bind(
    migrated_url: str, owner_engine: AsyncEngine, attribute: str
) -> None:
    async with owner_engine.connect() as connection:
        if not await connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
            pytest.skip("only a superuser of the database can give the role this attribute")
    await do(owner_engine, f"ALTER ROLE partita_service {attribute}")
    try:
        said = await refusal(migrated_url)
    finally:
        await do(owner_engine, f"ALTER ROLE partita_service NO{attribute}")
    assert "partita_service may bypass row-level security" in said
    assert "take that attribute away" in said


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/name", "redis://127.0.0.1"])
def test_a_url_that_is_not_one_of_postgresql_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(BadDatabaseUrl, match="DATABASE_URL"):
        owner_engine(url)


def test_an_id_is_stored_as_a_uuid_and_comes_back_as_it_was() -> None:
    id = transaction_id()
    stored = stored_id("txn", id)
    assert stored is not None
    assert outward_id("txn", stored) == id


@pytest.mark.parametrize(
    "spoil",
    [
        lambda id: "",
        lambda id: id.removeprefix("txn_"),
        lambda id: id.replace("txn", "evt"),
        lambda id: id.upper(),
        lambda id: id[:-1],
        lambda id: id + "0",
        lambda id: id[:-1] + "u",  # a letter that the alphabet leaves out
        lambda id: "txn_8" + id[5:],  # more than 128 bits
        lambda id: id[:-1] + "é",
        lambda id: id[:-1] + "\ud800",
        lambda id: id[:-1] + "\x00",
    ],
)
def test_what_cannot_be_an_id_is_not_looked_for(spoil: Callable[[str], str]) -> None:
    assert stored_id("txn", spoil(transaction_id())) is None


@pytest.mark.parametrize(
    "row",
    [
        "event_log VALUES (1, 1, 0, now(), sha256(''), '')",
        "event_log VALUES (1, 1, 1, now(), 'short', '')",
        "idempotency_keys VALUES (1, 1, 'k', '', 0, 1, now())",
        "assets VALUES (1, 1, 'EUR', -1, 1)",
        "accounts VALUES (1, 1, 0, 'a', 'asset', 'open', '{}', 1, now())",
        "entries VALUES (1, 1, 1, 1, 0, true, 'EUR', 0, 0, 0, 1, now(), 0, false)",
        "entries VALUES (1, 1, 1, 1, 0, true, 'EUR', 1, -1, 0, 1, now(), 0, false)",
        "entries VALUES (1, 1, 1, 1, 0, true, 'EUR', 1, 1, 0, 0, now(), 0, false)",
        "entries VALUES (1, 1, 1, 1, 0, true, 'EUR', 1, 1, 0, 1, now(), -1, false)",
        "late_entries VALUES (1, 1, 1, 'EUR', 0, 1, 0, now(), true, 1, 1, 0)",
        "late_entries VALUES (1, 1, 1, 'EUR', 1, 1, 0, now(), true, 0, 1, 0)",
        "late_blocks VALUES (1, 1, 1, 'EUR', 0, 1, now(), 1, 0, 1, 0)",
        "late_blocks VALUES (1, 1, 1, 'EUR', 32, 1, now(), 1, 0, -1, 0)",
    ],
)
async def test_what_no_ledger_can_hold_is_refused_whoever_writes_it(
    migrated_url: str, owner_engine: AsyncEngine, row: str
) -> None:
    with pytest.raises(IntegrityError, match="violates check constraint"):
        await do(owner_engine, f"INSERT INTO {row}")

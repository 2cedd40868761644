"""A database that is busy, or that another one has taken the place of: nobody waits for ever, and all is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.embedded import ServerUrls
from adapters.postgres import engine as engine_module
from adapters.postgres.work import driver_transaction, tenant_transaction, tenant_view
from application.ledger import journal as journal_module
from application.shared.ports import StoreBusy, StoreUnavailable
from entrypoints.container import Container, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

Server = Callable[..., AbstractAsyncContextManager[tuple[Container, Tenant]]]


@pytest.fixture
def server(
    tenant: Tenant, postgres_url: str, redis_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Server:
    """A way to serve the tenant with settings of its own, and with little patience."""
    monkeypatch.setattr(engine_module, "POOL_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(journal_module, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setitem(engine_module._SERVICE_SETTINGS, "lock_timeout", "200")

    @asynccontextmanager
    async def serve(**changes: Any) -> AsyncIterator[tuple[Container, Tenant]]:
        async with (
            opened(settings.model_copy(update=changes), ServerUrls(postgres_url, redis_url)) as container,
            connected(create_app(container.services()), tenant.key) as client,
        ):
            yield container, Tenant(tenant.organisation_id, tenant.key, tenant.ledger, client)

    return serve


async def busy(response: Any) -> None:
    """It is told that others have what it needs, and when to try again."""
    told = problem(response, 503, "overloaded")
    assert "others had" in told["detail"].lower()
    assert response.headers["retry-after"] == "1"


async def test_who_gets_no_connection_is_told_so_in_time(server: Server) -> None:
    async with server(pool_size=1) as (container, tenant):
        async with container.service_engine().connect():
            # Not even whose key it is can be found out.
            await busy(await tenant.get("/accounts"))
        document(await tenant.get("/accounts"))
        async with container.service_engine().connect():
            await busy(await tenant.get("/accounts"))
            # Those who write have connections of their own.
            await tenant.posted(sale())
        async with container.journal_engine().connect():
            await busy(await tenant.post(sale()))
            assert len(document(await tenant.get("/transactions"))["data"]) == 1
        await tenant.posted(sale())


async def test_many_who_wait_for_one_connection_get_it_in_turn(server: Server) -> None:
    async with server(pool_size=1) as (_, tenant):
        document(await tenant.get("/accounts"))
        answers = await asyncio.gather(*[tenant.get("/accounts") for _ in range(30)])
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert sum(answer.status_code == 200 for answer in answers) > 0
        document(await tenant.get("/accounts"))


async def test_a_ledger_that_someone_else_has_locked_keeps_nobody_waiting_for_long(
    server: Server, owner: AsyncEngine
) -> None:
    async with server() as (container, tenant):
        await tenant.posted(sale())
        async with tenant_transaction(owner, tenant.organisation_id) as holder:
            await holder.execute(text("SELECT FROM ledgers FOR UPDATE"))
            await busy(await tenant.post(sale()))
            # The connection was not the reason, and is still there.
            assert container.journal_engine().sync_engine.pool.checkedin() == 1  # type: ignore[attr-defined] # of a size
        await tenant.posted(sale())


async def test_a_server_leaves_a_database_that_takes_no_changes_any_more(server: Server, postgres_url: str) -> None:
    setting = f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET default_transaction_read_only"
    owner = await asyncpg.connect(postgres_url)
    try:
        async with server() as (_, tenant):
            # As behind a name or a proxy, connections are kept to what was the primary before.
            await owner.execute(f"{setting} = on")
            problem(await tenant.post(sale()), 503, "unavailable")
            ledger = {"slug": "other", "name": "Other"}
            problem(await tenant.client.post("/v1/ledgers", json=ledger), 503, "unavailable")
            await owner.execute("BEGIN READ WRITE")
            await owner.execute(f"{setting} = off")
            await owner.execute("COMMIT")
            await tenant.posted(sale())
            document(await tenant.client.post("/v1/ledgers", json=ledger), 201)
    finally:
        await owner.execute("BEGIN READ WRITE")
        await owner.execute(f"{setting} = off")
        await owner.execute("COMMIT")
        await owner.close()


async def test_connections_that_the_database_ends_fail_no_post_and_double_none(
    tenant: Tenant, owner: AsyncEngine
) -> None:
    ending = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'partita'")
    # Whose key it is, is known from here on: to find that out is a read, which would be told as one that failed.
    await tenant.posted(sale("1.00"))
    posting = [asyncio.create_task(post_in_turn(tenant)) for _ in range(4)]
    for _ in range(8):
        await asyncio.sleep(0.03)
        async with owner.connect() as connection:
            await connection.execute(ending)
    statuses = [status for statuses in await asyncio.gather(*posting) for status in statuses]
    assert set(statuses) == {201}
    assert await tenant.balance("assets:bank") == f"{1 + len(statuses)}.00"


async def post_in_turn(tenant: Tenant) -> list[int]:
    """Post twenty sales, one after the other."""
    return [(await tenant.post(sale("1.00"))).status_code for _ in range(20)]


RAISED = {
    "40001": StoreUnavailable,  # not in this order, or cancelled on a standby
    "40P01": StoreUnavailable,  # a deadlock
    "57P01": StoreUnavailable,  # the server is shut down
    "25006": StoreUnavailable,  # it takes no changes
    "53300": StoreBusy,  # it has no connection left
    "55P03": StoreBusy,  # a lock was not to be had
}


@pytest.mark.parametrize(("code", "expected"), RAISED.items())
async def test_what_may_go_well_another_time_is_told_apart_from_a_bug(
    container: Container, tenant: Tenant, code: str, expected: type[Exception]
) -> None:
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = '{code}'; END $$"
    for of_service in (tenant_transaction, tenant_view):
        with pytest.raises(expected) as raised:
            async with of_service(container.service_engine(), tenant.organisation_id) as connection:
                await connection.execute(text(statement))
        assert raised.type is expected
    with pytest.raises(expected) as raised:
        async with driver_transaction(container.journal_engine(), tenant.organisation_id) as driver:
            await driver.execute(statement)
    assert raised.type is expected


DEFERRED = """
CREATE TEMPORARY TABLE late (number integer);
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = '40001'; END $$;
CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
INSERT INTO late VALUES (1)
"""


async def test_a_commit_that_the_database_refuses_is_in_no_doubt(container: Container, tenant: Tenant) -> None:
    async def commit_driver() -> None:
        async with driver_transaction(container.journal_engine(), tenant.organisation_id) as driver:
            await driver.execute(DEFERRED)

    async def commit_work() -> None:
        async with tenant_transaction(container.service_engine(), tenant.organisation_id) as connection:
            for statement in DEFERRED.split(";\n"):
                await connection.exec_driver_sql(statement)

    for commit in (commit_driver, commit_work):
        with pytest.raises(StoreUnavailable, match="said"):
            await commit()

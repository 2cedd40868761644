"""Servers work behind PgBouncer in transaction mode, where a connection is another one in each transaction."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.embedded import ServerUrls
from adapters.postgres.engine import BadDatabaseUrl
from adapters.postgres.work import driver_transaction, transaction_of_nobody
from application.ledger import journal as journal_module
from application.ledger.ports import LedgerAddress
from entrypoints.container import Container, Services, failure_text, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import connected, made_organisation
from tests.entrypoints.http.tenant import Tenant, document, problem, sale
from tests.pooler import CONNECTIONS, Pooler


@dataclass(frozen=True)
class Behind:
    """A server behind the pooler, with two organisations."""

    container: Container
    one: Tenant
    other: Tenant


@pytest.fixture(scope="module")
def pooler(postgres_url: str, services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pooler]:
    made = Pooler(tmp_path_factory.mktemp("pooler"), postgres_url).start()
    yield made
    made.stop()


@pytest.fixture
async def behind(pooler: Pooler, redis_url: str, settings: Settings) -> AsyncIterator[Behind]:
    pooled = settings.model_copy(update={"transaction_pooler": True})
    async with opened(pooled, ServerUrls(pooler.url, redis_url)) as container:
        services = container.services()
        app = create_app(services)
        one, other = await made_organisation(services), await made_organisation(services)
        async with connected(app, one[1]) as of_one, connected(app, other[1]) as of_other:
            yield Behind(container, Tenant(*one, "main", of_one), Tenant(*other, "main", of_other))


async def test_many_users_share_few_connections_and_each_sees_its_own(behind: Behind) -> None:
    posts = 12 * CONNECTIONS
    assert behind.container.settings().pool_size > CONNECTIONS

    async def work_on(tenant: Tenant, amount: str) -> None:
        await tenant.posted(sale(amount))
        assert document(await tenant.get("/transactions"))["data"][0]["entries"][0]["amount"] == amount

    await asyncio.gather(*[work_on(behind.one, "1.00") for _ in range(posts)], work_on(behind.other, "2.00"))
    assert await behind.one.balance("assets:bank") == f"{posts}.00"
    assert await behind.other.balance("assets:bank") == "2.00"
    report = document(await behind.one.get("/reports/trial-balance"))
    assert report["totals"] == [{"asset": "EUR", "debits": f"{posts}.00", "credits": f"{posts}.00"}]
    last = document(await behind.other.get("/transactions"))["data"][0]
    problem(await behind.one.get(f"/transactions/{last['id']}"), 404, "not-found")
    assert document(await behind.one.client.get("/health/ready"))["database"] == "ok"


async def test_each_transaction_is_the_service_s_and_leaves_nothing_behind(behind: Behind) -> None:
    query = "SELECT current_user, current_setting('enable_sort'), current_setting('statement_timeout')"
    container = behind.container
    async with transaction_of_nobody(container.service_engine()) as connection:
        assert (await connection.execute(text(query))).one() == ("partita_service", "off", "65s")
    async with driver_transaction(container.journal_engine(), behind.one.organisation_id) as driver:
        assert tuple(await driver.fetchrow(query)) == ("partita_service", "off", "20s")
        assert await driver.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0
    ledger = LedgerAddress(behind.one.organisation_id, "main")
    async with container.books().snapshot(ledger) as snapshot:
        assert snapshot.head.sequence == 1


async def test_what_takes_a_session_says_so(behind: Behind) -> None:
    maintenance = behind.container.maintenance()
    with pytest.raises(BadDatabaseUrl, match="Migrating takes a connection to PostgreSQL itself"):
        await maintenance.migrate()
    with pytest.raises(BadDatabaseUrl, match="Rebuilding takes"):
        await maintenance.rebuilding.rebuild(LedgerAddress(behind.one.organisation_id, "main"))


async def test_a_server_that_is_not_told_of_the_pooler_says_what_to_do(
    pooler: Pooler, redis_url: str, settings: Settings
) -> None:
    async with opened(settings, ServerUrls(pooler.url, redis_url)) as container:
        with pytest.raises(Exception, match="startup parameter") as caught:  # the driver's own
            await container.maintenance().require_migrated()
    assert (failure_text(caught.value) or "").endswith("set PARTITA_TRANSACTION_POOLER=true.")


async def test_a_pooler_that_has_no_connection_is_busy_and_not_lost(
    postgres_url: str,
    services: Services,
    redis_url: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_module, "PATIENCE_SECONDS", 0.3)
    pooler = Pooler(tmp_path, postgres_url, wait_seconds=1).start()
    pooled = settings.model_copy(update={"transaction_pooler": True})
    try:
        async with opened(pooled, ServerUrls(pooler.url, redis_url)) as container:
            organisation_id, key = await made_organisation(container.services())
            async with connected(create_app(container.services()), key) as client, AsyncExitStack() as taken:
                tenant = Tenant(organisation_id, key, "main", client)
                await tenant.posted(sale("1.00"))
                pool = container.journal_engine().pool
                for _ in range(CONNECTIONS):
                    await taken.enter_async_context(driver_transaction(container.service_engine(), organisation_id))
                told = problem(await tenant.post(sale("2.00")), 503, "overloaded")
                assert "Others had" in told["detail"]
                # The connections to the pooler are not thrown away for it.
                assert container.journal_engine().pool is pool
                await taken.aclose()
                await tenant.posted(sale("2.00"))
    finally:
        pooler.stop()

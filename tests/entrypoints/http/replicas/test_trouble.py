"""What replicas may do wrong, and what nobody who reads is to notice of it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr

from adapters.embedded import EmbeddedServers
from adapters.postgres.engine import BadDatabaseUrl
from adapters.postgres.work import tenant_view
from application.ledger.readers import LedgerReads
from application.shared.ports import Seen, StoreUnavailable
from domain.shared.access import Permission
from entrypoints.container import replicas as container_module
from entrypoints.http.dependencies import Caller
from entrypoints.http.v1.as_of_head import Asked, kept_bytes
from entrypoints.http.v1.formats import Format, Shown
from tests.entrypoints.http.replicas.conftest import Serve, Served
from tests.entrypoints.http.replicas.test_reading import SEEN, paused
from tests.entrypoints.http.tenant import document, problem, sale
from tests.standby import Standby


@asynccontextmanager
async def silent(standby: Standby) -> AsyncIterator[None]:
    """While it lasts, it does nothing, and closes no connection."""
    standby.send(signal.SIGSTOP)
    try:
        yield
    finally:
        standby.send(signal.SIGCONT)


async def test_each_answer_says_up_to_where_it_shows_the_ledger(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as served:
        first = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)

        async def told(path: str, seen: int, **given: Any) -> int:
            response = await served.tenant.get(path, headers={SEEN: str(seen)}, **given)
            assert response.status_code == 200
            return int(response.headers[SEEN])

        async with paused(standby):
            second = await served.tenant.posted(sale("5.00"))
            last = second["sequence"]
            assert await told("/accounts", first) == first
            # From the database itself: nobody who sends what they were told is shown less.
            assert await told("/accounts", 0) == last
            assert await told("/accounts", last) == last
            assert await told("/accounts/assets:bank/balances", first, params={"as_of_sequence": str(last)}) == last
            assert await told(f"/transactions/{second['id']}", first) == last
            assert await told("/reports/trial-balance", first) == first
        for path in ("/reports/trial-balance", "/accounts/assets:bank"):
            response = await served.tenant.get(path, headers={SEEN: str(last)})
            again = {SEEN: str(last), "If-None-Match": response.headers["ETag"]}
            known = await served.tenant.get(path, headers=again)
            assert (known.status_code, known.headers[SEEN]) == (304, str(last))
        # Who does not take part in it is told nothing, and the view is opened without a look.
        assert SEEN not in (await served.tenant.get("/accounts")).headers


async def test_one_that_is_silent_makes_no_other_one_old(
    primary: EmbeddedServers, standby: Standby, serve: Serve, folder: Path
) -> None:
    second = Standby(folder, primary.urls.database_url, "second").make()
    try:
        async with serve(standby, second) as served:
            await served.settled(fit=2)
            async with silent(second):
                until, oldest = monotonic() + 2.5, 0.0
                while monotonic() < until:
                    await served.tenant.posted(sale("1.00"))
                    oldest = max(oldest, served.container.replicas().lags()[standby.host][0] or 0.0)
                    await asyncio.sleep(0.05)
            assert oldest < 1.2
    finally:
        second.stop()
        await second.forget()


async def test_another_database_of_the_same_server_is_no_replica_of_this_one(
    primary: EmbeddedServers, standby: Standby, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    other = urlsplit(standby.url)._replace(path="/postgres").geturl()
    async with serve(database_replica_urls=SecretStr(other)) as served:
        seen = (await served.tenant.posted(sale("10.00")))["sequence"]
        trouble = served.container.replicas().all[0]
        while trouble.trouble == "has not been asked yet":  # noqa: ASYNC110 # it tells nobody
            await asyncio.sleep(0.02)
        assert trouble.trouble == "is of another database"
        assert document(await served.tenant.get("/accounts", headers={SEEN: str(seen)}))
    assert "is not read from: it is of another database" in caplog.text


async def test_what_a_replica_shows_before_the_database_does_is_waited_for(
    primary: EmbeddedServers, standby: Standby, serve: Serve
) -> None:
    owner = await asyncpg.connect(primary.urls.database_url)
    async with serve(standby) as served:
        seen = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        # Commits wait for a standby that does not come; the one that is there takes them over all the same.
        await owner.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await owner.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(0.2)
        try:
            posting = asyncio.create_task(served.tenant.post(sale("5.00")))
            shown = seen
            while shown == seen:
                shown = int((await served.tenant.get("/accounts", headers={SEEN: str(seen)})).headers[SEEN])
            async with AsyncExitStack() as taken:
                replica = served.container.replicas().all[0]
                while replica.has_room:
                    _ = await taken.enter_async_context(tenant_view(replica.engine, served.tenant.organisation_id))
                began = monotonic()
                refused = await served.tenant.get("/accounts", headers={SEEN: str(shown)})
                problem(refused, 412, "sequence-not-reached")
                assert 0.9 < monotonic() - began < 3.0
                reading = asyncio.create_task(served.tenant.get("/accounts", headers={SEEN: str(shown)}))
                await asyncio.sleep(0.2)
                await owner.execute("ALTER SYSTEM RESET synchronous_standby_names")
                await owner.execute("SELECT pg_reload_conf()")
                response = await reading
                document(response)
                assert int(response.headers[SEEN]) >= shown
            assert (await posting).status_code == 201
        finally:
            await owner.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await owner.execute("SELECT pg_reload_conf()")
            await owner.close()


async def test_a_replica_that_falls_silent_in_the_middle_of_a_read_is_lost(
    standby: Standby, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_module, "STATEMENT_SECONDS", 0.5)
    async with serve(standby) as served:
        seen = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        began = monotonic()
        with pytest.raises(StoreUnavailable):
            await _read_of_silent(served, standby, seen)
        assert monotonic() - began < 4.0
        # It answers again at once, and is not trusted at once.
        assert served.container.replicas().lags()[standby.host][1] is False
        await asyncio.sleep(0.6)
        assert served.container.replicas().lags()[standby.host][1] is False
        await served.settled(fit=1)


async def _read_of_silent(served: Served, standby: Standby, seen: int) -> None:
    """It falls silent between the look-up and what is looked up."""
    async with _view(served, seen) as reads, silent(standby):
        await reads.accounts.account("main", "assets:bank")


def _view(served: Served, seen: int) -> Any:
    ledgers = served.container.services().ledgers
    return ledgers.read(served.tenant.principal, Permission.ACCOUNTS_READ, ledger="main", seen=Seen(seen))


async def test_the_failure_of_a_copy_is_not_handed_to_those_who_wait_for_the_same_report(
    standby: Standby, serve: Serve
) -> None:
    async with serve(standby) as served:
        seen = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        services = served.container.services()
        async with _view(served, seen) as reads:
            asked = Asked("main", Permission.REPORTS_READ, await reads.ledgers.head("main"), ("test",))
        others_wait, tries = asyncio.Event(), 0

        async def make(reads: LedgerReads) -> Shown:
            nonlocal tries
            tries += 1
            if tries == 1:
                await others_wait.wait()
                raise StoreUnavailable("the copy is gone")
            return Shown({"made": tries}, (), None)  # type: ignore[arg-type] # no page is shown

        of_copy = Caller(served.tenant.principal, "req_1", services, Seen(seen))
        of_database = Caller(served.tenant.principal, "req_2", services)
        both = [asyncio.create_task(kept_bytes(who, Format.JSON, asked, make)) for who in (of_copy, of_database)]
        await asyncio.sleep(0.2)
        others_wait.set()
        assert await asyncio.gather(*both) == [b'{"made":2}'] * 2


async def test_nobody_waits_for_a_connection_to_a_replica(standby: Standby, serve: Serve) -> None:
    async with serve(standby, pool_size=1) as served:
        seen = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        replica = served.container.replicas().all[0]
        assert served.container.replicas().fit(seen) == [replica]
        async with tenant_view(replica.engine, served.tenant.organisation_id):
            assert served.container.replicas().fit(seen) == []
            assert document(await served.tenant.get("/accounts", headers={SEEN: str(seen)}))
        assert served.container.replicas().fit(seen) == [replica]


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ("postgresql://a:secret@db-2/p, postgresql://b:secret@db-2:5432/p", "names db-2:5432 twice"),
        # Commas part URLs, so what is meant as two hosts of one is no URL.
        ("postgresql://a:secret@db-2,db-3/p", "is not a URL"),
    ],
)
async def test_replicas_that_cannot_be_told_apart_are_refused(serve: Serve, urls: str, said: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=f"DATABASE_REPLICA_URLS {said}") as refused:
        async with serve(database_replica_urls=SecretStr(urls)):
            pass
    assert "secret" not in str(refused.value)

"""Reads go to a replica that has what the client has seen; a real standby is paused, killed and promoted."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from httpx2 import AsyncClient

from adapters.embedded import EmbeddedServers, ServerUrls
from adapters.postgres import replicas as replicas_module
from application.ledger.post_transaction import PostTransaction
from entrypoints.settings import Settings
from tests.builders import credit, debit, draft
from tests.entrypoints.http.replicas.conftest import Serve, Served
from tests.entrypoints.http.tenant import document, problem, sale
from tests.server_process import ServerProcess
from tests.standby import Standby

SEEN = "Partita-Sequence"
NOBODY = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def paused(standby: Standby) -> AsyncIterator[None]:
    """While it lasts, the standby stays as it is."""
    await standby.pause()
    try:
        yield
    finally:
        await standby.resume()


async def balance(served: Served, *, seen: int | None = None, **given: str) -> str:
    """What the bank account holds, for someone who has seen so much."""
    headers = {} if seen is None else {SEEN: str(seen)}
    response = await served.tenant.get("/accounts/assets:bank/balances", headers=headers, params=given)
    return str(document(response)["balances"][0]["posted"])


async def test_a_client_sees_at_least_what_it_has_seen(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as served:
        first = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        async with paused(standby):
            second = (await served.tenant.posted(sale("5.00")))["sequence"]
            # The replica has the first one, and is less than five seconds behind.
            assert await balance(served, seen=first) == "10.00"
            # It lacks the second one, which those who say nothing may have seen.
            assert await balance(served, seen=second) == "15.00"
            assert await balance(served) == "15.00"
            # What is asked for may lie beyond what was seen.
            assert await balance(served, seen=first, as_of_sequence=str(second)) == "15.00"
            assert await balance(served, seen=first, as_of_sequence=str(first)) == "10.00"


async def test_what_a_replica_lacks_is_not_told_as_missing(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as served:
        first = await served.tenant.posted(sale("10.00"))
        await served.settled(fit=1)
        async with paused(standby):
            second = await served.tenant.posted(sale("5.00"))
            headers = {SEEN: str(first["sequence"])}
            found = document(await served.tenant.get(f"/transactions/{second['id']}", headers=headers))
            assert found["sequence"] == second["sequence"]
            problem(await served.tenant.get("/transactions/txn_unknown", headers=headers), 404, "not-found")


async def test_a_report_of_a_replica_is_of_the_event_that_it_names(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as served:
        first = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        async with paused(standby):
            second = (await served.tenant.posted(sale("5.00")))["sequence"]
            for seen, sequence, total in ((first, first, "10.00"), (second, second, "15.00"), (None, second, "15.00")):
                headers = {} if seen is None else {SEEN: str(seen)}
                report = document(await served.tenant.get("/reports/trial-balance", headers=headers))
                assert (report["sequence"], report["totals"][0]["debits"]) == (sequence, total)


async def test_a_replica_that_lags_is_skipped_until_it_has_caught_up(
    standby: Standby, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas_module, "LAG_SECONDS_MAX", 0.8)
    async with serve(standby, metrics_port=0) as served:
        first = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        async with paused(standby):
            await served.tenant.posted(sale("5.00"))
            assert await balance(served, seen=first) == "10.00"
            await served.settled(fit=0)
            assert await balance(served, seen=first) == "15.00"
            told = document(await served.client.get("/health/ready"))
            assert told["status"] == "degraded"
            assert told["replicas"] == "1 of 1 replicas cannot be read from: behind, or without an answer."
            assert 0.8 < (await lag(served, standby)) < 10
        await served.settled(fit=1)
        assert await balance(served, seen=first) == "15.00"
        assert document(await served.client.get("/health/ready"))["replicas"] == "ok"
        assert await lag(served, standby) < 0.8


async def lag(served: Served, standby: Standby) -> float:
    """How many seconds the replica is behind, as Prometheus is told."""
    metrics = served.container.metrics()
    assert metrics is not None
    page, _ = await metrics.page()
    name = f'partita_replica_lag_seconds{{replica="{standby.host}"}} '
    return next(float(line.removeprefix(name)) for line in page.decode().splitlines() if line.startswith(name))


async def test_no_read_fails_when_a_replica_is_killed_and_it_is_used_again_when_it_is_back(
    standby: Standby, serve: Serve
) -> None:
    async with serve(standby) as served:
        seen = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        is_over = asyncio.Event()
        answered = 0

        async def read_on() -> None:
            nonlocal answered
            while not is_over.is_set():
                assert await balance(served, seen=seen) == "10.00"
                answered += 1

        reading = [asyncio.create_task(read_on()) for _ in range(4)]
        await asyncio.sleep(0.2)
        standby.kill()
        await served.settled(fit=0)
        before = answered
        await asyncio.sleep(0.2)
        is_over.set()
        await asyncio.gather(*reading)
        assert answered > before
        standby.start()
        await served.settled(fit=1)


async def test_a_replica_that_is_silent_is_waited_for_once_and_not_for_long(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as served:
        seen = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        assert await balance(served, seen=seen) == "10.00"
        standby.send(signal.SIGSTOP)
        try:
            began = monotonic()
            assert await balance(served, seen=seen) == "10.00"
            assert monotonic() < began + 10
            # From now on it is done without.
            began = monotonic()
            assert await balance(served, seen=seen) == "10.00"
            assert monotonic() < began + 0.9
        finally:
            standby.send(signal.SIGCONT)
        await served.settled(fit=1)


async def test_those_who_say_nothing_may_be_shown_what_is_a_little_old_if_that_is_allowed(
    primary: EmbeddedServers, standby: Standby, serve: Serve
) -> None:
    alone = ServerUrls(primary.urls.database_url, NOBODY)
    async with serve(standby, urls=alone, replica_staleness_seconds=5) as served:
        await served.tenant.posted(sale("10.00"))
        await served.settled(fit=1)
        async with paused(standby), serve() as other:
            # What this server has written itself, it shows.
            second = (await served.tenant.posted(sale("5.00")))["sequence"]
            assert await balance(served) == "15.00"
            # What another one has written without being heard, it shows in five seconds, or to who asks for it.
            await other.container.journal().submit(
                served.tenant.principal,
                "main",
                PostTransaction(draft(debit("assets:bank", "3.00"), credit("income:sales", "3.00"))),
                request_id="req_other",
            )
            assert await balance(served, seen=second + 1) == "18.00"


async def test_a_header_that_says_nothing_is_refused(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as served:
        head = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=1)
        for text in ("", "-1", "1.0", "a", "١", "9" * 19):
            response = await served.tenant.get("/accounts", headers={SEEN: text.encode()})
            problem(response, 422, "validation-failed")
        # There is no such event: neither in the replica nor in the database itself.
        response = await served.tenant.get("/accounts", headers={SEEN: str(head + 1)})
        assert (
            f"ends with the event {head}, and has no {head + 1}"
            in problem(response, 412, "sequence-not-reached")["detail"]
        )
        # It is about the ledger in the path; elsewhere, and in what changes something, it says nothing.
        document(await served.client.get("/v1/ledgers", headers={SEEN: "a"}))
        await served.tenant.posted(sale("1.00"), headers={SEEN: "a"})
        problem(await served.client.get("/v1/ledgers/other", headers={SEEN: "1"}), 404, "ledger-not-found")


async def test_a_replica_shows_each_organisation_its_own(standby: Standby, serve: Serve) -> None:
    async with serve(standby) as mine, serve(standby) as theirs:
        seen = (await mine.tenant.posted(sale("10.00")))["sequence"]
        other = await theirs.tenant.posted(sale("7.00"))
        await mine.settled(fit=1)
        await theirs.settled(fit=1)
        for _ in range(3):
            assert await balance(mine, seen=seen) == "10.00"
            assert await balance(theirs, seen=other["sequence"]) == "7.00"
            problem(await mine.tenant.get(f"/transactions/{other['id']}", headers={SEEN: str(seen)}), 404, "not-found")


async def test_a_server_as_it_is_started_in_production_knows_its_replicas(
    primary: EmbeddedServers, standby: Standby, serve: Serve, settings: Settings
) -> None:
    async with serve():
        urls = primary.urls
        given = {"DATABASE_REPLICA_URLS": f"{standby.url},postgresql://a:b@127.0.0.1:1/c"}
        server = ServerProcess(urls.database_url, urls.redis_url, settings.data_dir, given).start()
        try:
            async with AsyncClient(base_url=server.url) as client:
                told = document(await client.get("/health/ready"))
                while not told["replicas"].startswith("1 of 2"):
                    await asyncio.sleep(0.1)
                    told = document(await client.get("/health/ready"))
            assert told["status"] == "degraded"
        finally:
            server.stop()
        assert "a:b" not in server.said()
        assert server.said().count("the replica 127.0.0.1:1 is not read from: it does not answer") == 1

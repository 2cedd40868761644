"""The primary is killed, and a standby takes its place: what was answered is there, or what is not is told."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.embedded import EmbeddedServers, ServerUrls
from adapters.postgres import engine as engine_module
from application.ledger.journal import Journal
from tests.entrypoints.http.replicas.conftest import Serve
from tests.entrypoints.http.tenant import document, problem, sale
from tests.standby import Standby

SEEN = "Partita-Sequence"
CLIENTS = 6


class Cluster:
    """A primary, and standbys of it that one of them may take the place of."""

    def __init__(self, first: Standby, redis_url: str, folder: Path) -> None:
        self.first = first
        self._redis_url = redis_url
        self._folder = folder
        self.all = [first]

    def standby(self, name: str) -> Standby:
        """Another standby."""
        made = Standby(self._folder, self.first.url, name).make()
        self.all.append(made)
        return made

    @property
    def urls(self) -> ServerUrls:
        """The server that takes changes, whichever that is."""
        of = urlsplit(self.first.url)
        hosts = "&".join(f"host={each.host}" for each in self.all)
        login = of.netloc.rpartition("@")[0]
        return ServerUrls(f"postgresql://{login}@{of.path}?{hosts}&target_session_attrs=read-write", self._redis_url)

    async def wait_for(self, standby: Standby) -> None:
        """Have commits wait for this standby from now on."""
        await self.first.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{standby.name}'")
        await self.first.ask("SELECT pg_reload_conf()")
        query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        while not await self.first.ask(query):  # noqa: ASYNC110 # it tells nobody
            await asyncio.sleep(0.02)


@pytest.fixture
async def cluster(primary: EmbeddedServers, serve: Serve, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A primary of the test's own: a copy of one that is there, promoted at once."""
    async with serve():
        pass  # so that there is a schema
    first = Standby(tmp_path, primary.urls.database_url, "first").make()
    await first.promote()
    made = Cluster(first, primary.urls.redis_url, tmp_path)
    yield made
    for standby in reversed(made.all):
        standby.stop()
    await first.forget()


async def test_all_that_was_answered_is_there_after_a_synchronous_standby_was_promoted(
    cluster: Cluster, serve: Serve
) -> None:
    standby = cluster.standby("follower")
    await cluster.wait_for(standby)
    async with serve(standby, urls=cluster.urls) as served:
        answered: dict[str, int] = {}
        refused: Counter[int] = Counter()
        is_over = asyncio.Event()

        async def post_on(client: int) -> None:
            number = 0
            while not is_over.is_set():
                number += 1
                reference = f"{client}-{number}"
                while reference not in answered:
                    response = await served.tenant.post(
                        sale("1.00", reference=reference), headers={"Idempotency-Key": reference}
                    )
                    if response.status_code == 201:
                        answered[reference] = response.json()["sequence"]
                    else:
                        refused[response.status_code] += 1
                        await asyncio.sleep(0.1)

        posting = [asyncio.create_task(post_on(client)) for client in range(CLIENTS)]
        await asyncio.sleep(1.0)
        cluster.first.kill()
        before = dict(answered)
        await standby.promote()
        while len(answered) < len(before) + 3 * CLIENTS:  # noqa: ASYNC110 # any of the clients may be it
            await asyncio.sleep(0.02)
        is_over.set()
        await asyncio.gather(*posting)

        assert len(before) > CLIENTS
        assert set(refused) <= {503}
        # Each is there once, where it was answered to be, and nothing else is.
        assert await served.tenant.balance("assets:bank") == f"{len(answered)}.00"
        query = "SELECT json_object_agg(reference, sequence) FROM transactions WHERE reference IS NOT NULL"
        assert json.loads(await standby.ask(query)) == answered
        verified = document(await served.client.post(served.tenant.path("/verification")))
        assert verified["valid"] is True
        # The standby is no replica any more, and everything is read from it all the same.
        await served.settled(fit=0)
        seen = {SEEN: str(max(answered.values()))}
        assert document(await served.tenant.get("/accounts/assets:bank/balances", headers=seen))


async def test_what_an_asynchronous_standby_lacks_is_told_to_those_who_have_seen_it(
    cluster: Cluster, serve: Serve
) -> None:
    behind, ahead = cluster.standby("behind"), cluster.standby("ahead")
    async with serve(behind, ahead, urls=cluster.urls) as served:
        kept = (await served.tenant.posted(sale("10.00")))["sequence"]
        await served.settled(fit=2)
        behind.kill()
        lost = (await served.tenant.posted(sale("5.00")))["sequence"]
        await served.settled(fit=1)
        cluster.first.kill()
        behind.start()
        await behind.promote()
        # Until the other one has been looked at again, it shows what there was.
        await served.settled(fit=0)

        assert (await served.tenant.get("/accounts", headers={SEEN: str(kept)})).status_code == 200
        told = problem(await served.tenant.get("/accounts", headers={SEEN: str(lost)}), 412, "sequence-not-reached")
        assert told["detail"] == f"The ledger 'main' ends with the event {kept}, and has no {lost}."
        # The other standby has an event that is no part of the books any more: it is not read from, also not when the
        # ledger has got to that sequence again.
        again = (await served.tenant.posted(sale("1.00")))["sequence"]
        assert again == lost
        for _ in range(10):
            await asyncio.sleep(0.1)
            response = await served.tenant.get("/accounts/assets:bank/balances", headers={SEEN: str(again)})
            assert document(response)["balances"][0]["posted"] == "11.00"
        await served.settled(fit=0)


async def test_nothing_is_answered_that_no_synchronous_standby_has(
    cluster: Cluster, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "JOURNAL_STATEMENT_SECONDS", 0.5)
    standby = cluster.standby("follower")
    async with serve(urls=cluster.urls) as served:
        await served.tenant.posted(sale("10.00"))
        await cluster.wait_for(standby)
        standby.send(signal.SIGSTOP)
        posting = asyncio.create_task(served.tenant.post(sale("5.00", reference="late")))
        # The primary has it after the first attempt, by itself, and shows it to who reads.
        await asyncio.sleep(1.5)
        assert not posting.done()
        standby.send(signal.SIGCONT)
        assert (await posting).status_code == 201
        cluster.first.kill()
        await standby.promote()
        assert await served.tenant.balance("assets:bank") == "15.00"


async def test_what_a_lost_server_has_kept_for_itself_is_not_answered_from_its_keys(
    cluster: Cluster, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "JOURNAL_STATEMENT_SECONDS", 0.5)
    # A server gives up soon.
    defaults = Journal.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "retry_delays_seconds", (0.05, 0.05))
    standby = cluster.standby("follower")
    async with serve(urls=cluster.urls) as served:
        await served.tenant.posted(sale("10.00"))
        await cluster.wait_for(standby)
        standby.send(signal.SIGSTOP)
        late, key = sale("5.00"), {"Idempotency-Key": "late"}
        problem(await served.tenant.post(late, headers=key), 503, "unavailable")
        # It is on the primary by now, and nowhere else: it is not told to be there.
        problem(await served.tenant.post(late, headers=key), 503, "unavailable")
        cluster.first.kill()
        # What was sent to it meanwhile, it has not read.
        standby.kill()
        standby.start()
        await standby.promote()
        assert await served.tenant.balance("assets:bank") == "10.00"

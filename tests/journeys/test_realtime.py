"""Who follows a ledger sees 1 to n, whatever is killed: none missing, none twice, none out of order.

Two servers over one database; clients post through both, and others follow, each with the project's own client. Servers
are killed and stopped, Redis and PostgreSQL are killed and come back, and who follows leaves now and then and comes
again, also from the other server. `make soak` does this for minutes; `make test` for seconds.
"""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, aclosing

import httpx2
import pytest

from entrypoints.client import Realtime
from tests.journeys.clients import Clients, LedgerOfTests
from tests.journeys.site import Site, site_in
from tests.redis_server import RedisServer
from tests.server_process import ServerProcess

pytestmark = pytest.mark.soak

IS_LONG = os.environ.get("PARTITA_SOAK") == "long"
ROUNDS = 10 if IS_LONG else 1
BURST = 200 if IS_LONG else 60  # answers to wait for before and after something happens
POSTERS = 6
FOLLOWERS = 6
PATIENCE_SECONDS = 60


class Readers:
    """Some who follow a ledger in a thread of their own, and remember what each of them saw."""

    def __init__(self, ledger: LedgerOfTests, urls: Sequence[str], count: int) -> None:
        self._ledger = ledger
        self._urls = urls
        self.seen: list[list[int]] = [[] for _ in range(count)]
        self.visits = 0
        self._goal: int | None = None
        self._thread = ThreadPoolExecutor(1)
        self._has_goal = threading.Event()
        self._running: Future[None] | None = None

    def start(self) -> "Readers":
        """Let them begin."""
        self._running = self._thread.submit(lambda: asyncio.run(self._run()))
        return self

    def finish(self, last: int) -> None:
        """Let each read up to this sequence, and see that it does."""
        self._goal = last
        assert self._running is not None
        self._running.result(PATIENCE_SECONDS)
        self._thread.shutdown()

    async def _run(self) -> None:
        await asyncio.gather(*(self._follow(number) for number in range(len(self.seen))))

    async def _follow(self, number: int) -> None:
        chance = random.Random(number)
        seen = self.seen[number]
        turn = number
        while not self._is_there(seen):
            turn += 1
            self.visits += 1
            # Two of them stay all the time, as the client goes on by itself; the others leave and come again.
            stays = None if number < 2 else chance.uniform(0.1, 2)
            async with Realtime(self._urls[turn % len(self._urls)], token=self._ledger.key) as realtime:
                reading = asyncio.create_task(self._read(realtime, seen))
                began = time.monotonic()
                while not reading.done() and not self._is_there(seen):
                    await asyncio.sleep(0.02)
                    if stays is not None and time.monotonic() > began + stays:
                        break
                reading.cancel()
                await asyncio.wait([reading])
                if not reading.cancelled():
                    reading.result()

    async def _read(self, realtime: Realtime, seen: list[int]) -> None:
        async with aclosing(aiter(realtime.events(self._ledger.slug, after=seen[-1] if seen else 0))) as events:
            async for event in events:
                sequence = event.sequence
                seen.append(sequence)

    def _is_there(self, seen: list[int]) -> bool:
        return self._goal is not None and bool(seen) and seen[-1] >= self._goal


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("realtime")) as made:
        yield made


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("realtime-redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def pair(site: Site, redis: RedisServer) -> Iterator[list[ServerProcess]]:
    """Two servers over one database and one Redis."""
    with ExitStack() as servers:
        pair = [ServerProcess(site.urls.database_url, redis.url, site.folder) for _ in range(2)]
        for server in pair:
            servers.callback(server.stop)
            server.start()
        yield pair


def test_all_who_follow_see_all_in_order_whatever_is_killed(
    site: Site, redis: RedisServer, pair: list[ServerProcess]
) -> None:
    ledger = site.new_ledger()
    urls = [server.url for server in pair]
    clients = Clients(ledger, urls, POSTERS).start()
    readers = Readers(ledger, urls, FOLLOWERS).start()
    for turn in range(ROUNDS):
        more_answers(clients)
        pair[turn % 2].kill()
        more_answers(clients)
        redis.kill()
        pair[turn % 2].start()
        more_answers(clients)
        # It is asked to, and says where to go on before it closes.
        pair[(turn + 1) % 2].stop()
        redis.start()
        more_answers(clients)
        pair[(turn + 1) % 2].start()
        more_answers(clients)
    see_all(urls[0], ledger, clients, readers)


def test_all_who_follow_see_all_in_order_though_postgres_is_killed(
    site: Site, redis: RedisServer, pair: list[ServerProcess]
) -> None:
    ledger = site.new_ledger()
    urls = [server.url for server in pair]
    clients = Clients(ledger, urls, POSTERS).start()
    readers = Readers(ledger, urls, FOLLOWERS).start()
    for _ in range(ROUNDS):
        more_answers(clients)
        assert site.end_connections() > 0
        more_answers(clients)
        site.kill_postgres()
        site.embedded.restart_postgres()
        more_answers(clients)
    see_all(urls[0], ledger, clients, readers)


def more_answers(clients: Clients) -> None:
    """Wait until some more posts are answered."""
    goal = clients.told.count() + BURST
    clients.wait_until(lambda told: told.count() >= goal, PATIENCE_SECONDS)


def see_all(url: str, ledger: LedgerOfTests, clients: Clients, readers: Readers) -> None:
    """Let nothing more be posted, and see that each reader has seen all of it, in order and once."""
    told = clients.stop()
    last = head(url, ledger)
    assert last >= len(told.answers)
    readers.finish(last)
    for seen in readers.seen:
        assert seen == list(range(1, last + 1))
    assert readers.visits > FOLLOWERS


def head(url: str, ledger: LedgerOfTests) -> int:
    """The sequence of the ledger's last event."""
    headers = {"Authorization": f"Bearer {ledger.key}"}
    answer = httpx2.get(f"{url}/v1/ledgers/{ledger.slug}", headers=headers)
    sequence: int = answer.json()["sequence"]
    return sequence

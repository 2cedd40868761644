"""Two servers behind a balancer are restarted in turn, under load: no request fails, and whoever follows goes on."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial

import httpx2
import pytest

from entrypoints.client import Realtime
from entrypoints.container import Services
from entrypoints.settings import Settings
from tests.entrypoints.http.tenant import Tenant
from tests.redis_server import until
from tests.server_process import ServerProcess

CLIENTS = 4
# Longer than the balancer takes to notice, however busy the machine is: once it has, the grace is ended.
GRACE_SECONDS = 60
PROBE_SECONDS = 0.05


class Balancer:
    """Takes connections, and leads each to the next server that says it is ready: what a balancer of TCP does."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._ready: list[int] = []
        self._turn = 0
        self.seen: Counter[str] = Counter()
        self.open: Counter[int] = Counter()
        self.url = ""

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Balancer"]:
        """Serve on a port of its own meanwhile."""
        server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        probing = asyncio.create_task(self._probe())
        await until(lambda: len(self._ready) == len(self._ports))
        yield self
        probing.cancel()
        server.close()

    def leads_to(self, port: int) -> bool:
        """Whether a server is sent connections."""
        return port in self._ready

    def leads_past(self, port: int) -> bool:
        """Whether it is not, and nobody is connected to it any more."""
        return port not in self._ready and not self.open[port]

    async def _probe(self) -> None:
        async with httpx2.AsyncClient(timeout=2) as client:
            while True:
                ready = []
                for port in self._ports:
                    with suppress(httpx2.HTTPError):
                        answer = await client.get(
                            f"http://127.0.0.1:{port}/health/ready", headers={"Connection": "close"}
                        )
                        self.seen[answer.json()["status"]] += 1
                        if answer.status_code == 200:
                            ready.append(port)
                self._ready = ready
                await asyncio.sleep(PROBE_SECONDS)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._turn += 1
        port = self._ready[self._turn % len(self._ready)]
        self.open[port] += 1
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pass_on(reader, to_writer), _pass_on(to_reader, writer))
        finally:
            self.open[port] -= 1


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError):
        writer.close()


@pytest.fixture(scope="module")
def pair(postgres_url: str, redis_url: str, settings: Settings, services: Services) -> Iterator[list[ServerProcess]]:
    """Two servers over the same database."""
    grace = {"PARTITA_STOP_GRACE_SECONDS": str(GRACE_SECONDS), "PARTITA_WORKER_INSIDE": "false"}
    servers = [ServerProcess(postgres_url, redis_url, settings.data_dir, grace) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(ServerProcess.start, servers))
        yield servers
        for server in servers:
            # There is no grace after this one; two of the other kind may be heard as one.
            server.send(signal.SIGINT)
        list(threads.map(ServerProcess.stop, servers))


async def test_servers_are_restarted_in_turn_under_load_without_a_failed_request(
    tenant: Tenant, pair: list[ServerProcess]
) -> None:
    answered: Counter[int] = Counter()
    closed: Counter[str] = Counter()
    heard: list[int] = []
    is_over = asyncio.Event()

    async def post(url: str, name: str) -> None:
        """Post one after the other on one connection, which servers may close between requests; and never again."""
        headers = {"Authorization": f"Bearer {tenant.key}", "Content-Type": "application/json"}
        number = 0
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            while not is_over.is_set():
                number += 1
                response = await client.post(
                    f"/v1/ledgers/{tenant.ledger}/transactions", content=_sale(f"{name}-{number}")
                )
                answered[response.status_code] += 1
                closed[response.headers.get("connection", "kept")] += 1
                # The balancer and all clients share one loop, and it must not notice too late.
                await asyncio.sleep(0.01)

    async def follow(url: str) -> None:
        async with Realtime(url, token=tenant.key) as realtime:
            async for event in realtime.events(tenant.ledger, after=0):
                heard.append(event.sequence)  # noqa: PERF401  # it never ends by itself

    ports = [int(server.url.rpartition(":")[2]) for server in pair]
    async with Balancer(ports).served() as balancer, Balancer(ports).served() as of_follower:
        following = asyncio.create_task(follow(of_follower.url))
        posting = [asyncio.create_task(post(balancer.url, f"c{number}")) for number in range(CLIENTS)]
        for server, port in zip(pair, ports, strict=True):
            before = answered[201]
            server.send(signal.SIGTERM)
            await until(partial(balancer.leads_past, port), 30)
            # Asked again, it stops without grace; whoever follows is led elsewhere.
            await asyncio.to_thread(server.stop)
            assert "Traceback" not in server.said()
            await asyncio.to_thread(server.start)
            await until(partial(balancer.leads_to, port), 30)
            assert answered[201] > before, answered
        is_over.set()
        await asyncio.gather(*posting)
        head = await tenant.head()
        await until(lambda: bool(heard) and heard[-1] >= head, 20)
        following.cancel()
        await asyncio.wait([following])

    assert set(answered) == {201}
    # Each of them said that it stops before it did, and had its clients come over another connection.
    assert balancer.seen["stopping"] >= 2
    assert closed["close"] >= 2
    assert heard == list(range(1, head + 1))


def _sale(reference: str) -> bytes:
    entries = [
        {"account": "assets:bank", "direction": "debit", "amount": "1.00", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "1.00", "asset": "EUR"},
    ]
    return json.dumps({"reference": reference, "entries": entries}).encode()

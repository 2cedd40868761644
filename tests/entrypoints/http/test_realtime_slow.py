"""Who reads too slowly is let go, and misses and doubles nothing by going on from where it was told to."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from application.ledger import balance_watch, followers
from application.shared.ports import StoreUnavailable
from entrypoints.http.realtime import connection, endpoint
from entrypoints.settings import Settings
from tests.entrypoints.http.realtime_client import RealtimeClient, listed, post, realtime
from tests.entrypoints.http.realtime_server import OwnServer, narrow_socket, own_server, until
from tests.entrypoints.http.tenant import Json, Tenant, document, sale

# So much is sent that no socket takes it all: each of these gets some fifty kilobytes.
FILLERS = 98


@pytest.fixture(scope="module")
async def server(settings: Settings, postgres_url: str, redis_url: str, services: object) -> AsyncIterator[OwnServer]:
    async with own_server(settings, postgres_url, redis_url) as made:
        yield made


async def fill(url: str, tenant: Tenant) -> None:
    """Give the ledger a hundred events and more, at a server."""
    document(await tenant.bulk([sale() for _ in range(100)]))


async def all_that_came(client: RealtimeClient) -> tuple[dict[str, list[int]], Json]:
    """The sequences of the events of each subscription, and the server's last message."""
    got: dict[str, list[int]] = {}
    while (message := await client.next(50))["type"] != "closing":
        if message["type"] == "subscribed":
            assert message["id"] not in got, "nothing comes before a subscription is told of"
            got[message["id"]] = []
        else:
            got[message["id"]] += [event["sequence"] for event in message["data"]]
    return got, message


async def go_on(server: OwnServer, tenant: Tenant, got: dict[str, list[int]], resume: dict[str, int]) -> None:
    """See that who goes on from there has had each event once, in the end."""
    expected = [event["sequence"] for event in await listed(tenant)]
    assert set(resume) >= set(got)
    for name, sequences in got.items():
        assert sequences == list(range(1, resume[name] + 1)), name
    for name in ("a0", f"a{FILLERS - 1}"):
        async with realtime(server.url, tenant.key) as again:
            await again.subscribe("r", channel="events", after=resume.get(name, 0))
            rest = await again.events(expected[-1] - resume.get(name, 0))
            assert got.get(name, []) + [event["sequence"] for event in rest] == expected


async def test_a_slow_reader_goes_on_from_where_it_was_let_go(
    server: OwnServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(server.url, tenant)
    monkeypatch.setattr(endpoint, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(connection, "FAREWELL_SECONDS", 50)
    monkeypatch.setattr(connection, "SEND_SECONDS_MAX", 0.5)
    narrow = await narrow_socket(server.url)
    async with realtime(server.url, tenant.key, sock=narrow, max_queue=1, ping_interval=None) as client:
        for number in range(FILLERS):
            await client.tell(type="subscribe", id=f"a{number}", channel="events", ledger="main", after=0)
        await asyncio.sleep(1.2)  # reads nothing
        got, told = await all_that_came(client)
        assert told["problem"]["code"] == "reader-too-slow"
        assert await client.close_code() == 4408
    await go_on(server, tenant, got, told["resume"])


async def test_who_takes_events_more_slowly_than_they_come_is_let_go_once_too_many_wait(
    app: FastAPI, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "WAITING_EVENTS_MAX", 4)
    client = ClientInProcess()
    serving = asyncio.create_task(app(client.scope(tenant.key), client.receive, client.send))
    await client.tell(type="subscribe", id="a", channel="events", ledger="main", after=0)
    assert [message["type"] for message in await client.take(3)] == ["welcome", "subscribed", "events"]
    client.can_take.clear()
    for _ in range(8):
        await tenant.posted(sale())
    client.can_take.set()
    await serving
    *events, told, closed = client.messages
    got = [event["sequence"] for message in events for event in message.get("data", ())]
    last = (await listed(tenant))[-1]["sequence"]
    # The rest is what waited: the server had taken one event, at most, when the client took no more.
    assert got == list(range(1, len(got) + 1))
    assert got[-1] < last
    assert (told["problem"]["code"], told["resume"]) == ("fell-behind", {"a": got[-1]})
    assert closed == {"type": "websocket.close", "code": 4408, "reason": "fell-behind"}


async def test_who_never_reads_again_is_forgotten(
    server: OwnServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(server.url, tenant)
    monkeypatch.setattr(endpoint, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(connection, "SEND_SECONDS_MAX", 0.3)
    monkeypatch.setattr(connection, "FAREWELL_SECONDS", 0.1)
    monkeypatch.setattr("entrypoints.cli.sockets.LINGER_SECONDS", 0.1)
    async with realtime(
        server.url, tenant.key, sock=await narrow_socket(server.url), max_queue=1, ping_interval=None
    ) as client:
        for number in range(FILLERS):
            await client.tell(type="subscribe", id=f"a{number}", channel="events", ledger="main", after=0)
        async with asyncio.timeout(5):
            while server.connections or server.followed:  # noqa: ASYNC110 # nothing tells of it
                await asyncio.sleep(0.05)


async def test_a_store_that_is_away_is_asked_again_and_nothing_is_lost(
    server: OwnServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "LOOK_SECONDS", 0.02)
    read, asked = balance_watch.read_balances, 0

    async def away(*given: object) -> object:
        nonlocal asked
        asked += 1
        if asked <= 3:
            raise StoreUnavailable("away")
        return await read(*given)  # type: ignore[arg-type] # as it was asked

    async with realtime(server.url, tenant.key) as client:
        await client.subscribe("b", channel="balances", accounts=["assets:bank"])
        await client.next()
        monkeypatch.setattr(balance_watch, "read_balances", away)
        await post(server.url, tenant)
        told = await client.next()
        assert (told["sequence"], told["data"][0]["posted"]) == (5, "12.50")
        monkeypatch.setattr(connection, "read_balances", _never)
        asks = {"type": "subscribe", "id": "c", "channel": "balances", "ledger": "main", "accounts": ["a:b"]}
        await client.refused(503, "unavailable", **asks)
        assert await client.answer(type="ping") == {"type": "pong"}


class ClientInProcess:
    """A client without a network in between, which takes messages only while it can."""

    def __init__(self) -> None:
        self.can_take = asyncio.Event()
        self.can_take.set()
        self.messages: list[Json] = []
        self._sent: asyncio.Queue[Json] = asyncio.Queue()
        self._sent.put_nowait({"type": "websocket.connect"})
        self.receive = self._sent.get

    @staticmethod
    def scope(key: str) -> dict[str, Any]:
        """How it connects."""
        headers = [(b"authorization", f"Bearer {key}".encode())]
        of_request = {"path": "/v1/realtime", "root_path": "", "query_string": b"", "headers": headers}
        return {"type": "websocket", "scheme": "ws", "client": ("127.0.0.1", 1), "subprotocols": [], **of_request}

    async def tell(self, **message: Any) -> None:
        """Send a message."""
        self._sent.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def send(self, message: Any) -> None:
        """Take what the server sends, once it can."""
        await self.can_take.wait()
        if message["type"] != "websocket.accept":
            self.messages.append(json.loads(message["text"]) if "text" in message else message)

    async def take(self, count: int) -> list[Json]:
        """The first messages."""
        await until(lambda: len(self.messages) >= count)
        return self.messages[:count]


async def _never(*given: object) -> object:
    raise StoreUnavailable("away")

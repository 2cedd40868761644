"""Who reads too slowly is let go, and misses and doubles nothing by going on from where it was told to."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from fastapi import FastAPI

from application.ledger import balance_watch, followers
from application.shared.ports import StoreUnavailable
from entrypoints.cli.bounded_requests import BoundedProtocol
from entrypoints.http.realtime import connection, endpoint, outgoing
from entrypoints.settings import Settings
from tests.entrypoints.http.realtime_client import listed, post, realtime
from tests.entrypoints.http.realtime_server import OwnServer, narrow_socket, own_server, raw_connection, until
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


async def test_who_takes_nothing_for_long_is_told_where_to_go_on_exactly(
    app: FastAPI, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(outgoing, "SEND_SECONDS_MAX", 0.2)
    await tenant.posted(sale())
    client = ClientInProcess()
    serving = asyncio.create_task(app(client.scope(tenant.key), client.receive, client.send))
    names = [f"a{number}" for number in range(20)]
    for name in names:
        await client.tell(type="subscribe", id=name, channel="events", ledger="main", after=0)
    await client.take(25)  # a few of them have got what there is
    client.can_take.clear()
    offered = client.offered
    for _ in range(3):
        await tenant.posted(sale())
    # First an event, and then the farewell.
    await until(lambda: client.offered >= offered + 2)
    client.can_take.set()
    await serving
    *others, told, closed = client.messages
    got: dict[str, list[int]] = {}
    for message in others:
        if message["type"] == "events":
            got.setdefault(message["id"], []).extend(event["sequence"] for event in message["data"])
    assert told["problem"]["code"] == "reader-too-slow"
    subscribed = {message["id"] for message in others if message["type"] == "subscribed"}
    assert set(told["resume"]) >= subscribed
    assert {name: list(range(1, told["resume"][name] + 1)) for name in got} == got
    assert all(told["resume"][name] == 0 for name in subscribed - set(got))
    assert closed["code"] == 4408


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
    monkeypatch.setattr(outgoing, "SEND_SECONDS_MAX", 0.3)
    monkeypatch.setattr(outgoing, "FAREWELL_SECONDS", 0.1)
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


async def test_a_stream_of_which_nothing_is_read_is_ended(
    server: OwnServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedProtocol, "unread_seconds_max", 0.3)
    long = {**sale(), "metadata": {f"key-{number}": "x" * 500 for number in range(20)}}
    for _ in range(3):
        document(await tenant.bulk([long] * 200))
    narrow = await narrow_socket(server.url)
    request = f"GET {tenant.path('/events')}?after=0 HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
    loop = asyncio.get_running_loop()
    with narrow:
        await loop.sock_sendall(narrow, f"{request}Authorization: Bearer {tenant.key}\r\n\r\n".encode())
        await until(lambda: server.followed == 1)
        await until(lambda: server.followed == 0)


async def test_who_sends_pings_and_reads_no_answers_is_cut_off(
    server: OwnServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.cli.sockets.UNREAD_BYTES_MAX", 1_000)
    _, writer = await raw_connection(server.url, tenant.key)
    await until(lambda: server.connections == 1)
    ping = b"\x89\xfd" + bytes(4) + bytes(125)
    writer.transport.pause_reading()  # type: ignore[attr-defined] # as it is over TCP
    with suppress(ConnectionError):
        async with asyncio.timeout(10):
            while server.connections:
                writer.write(ping * 2_000)
                await writer.drain()
                await asyncio.sleep(0)
    writer.close()


class ClientInProcess:
    """A client without a network in between, which takes messages only while it can."""

    def __init__(self) -> None:
        self.can_take = asyncio.Event()
        self.can_take.set()
        self.messages: list[Json] = []
        self.offered = 0
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
        self.offered += 1
        await self.can_take.wait()
        if message["type"] != "websocket.accept":
            self.messages.append(json.loads(message["text"]) if "text" in message else message)

    async def take(self, count: int) -> list[Json]:
        """The first messages."""
        await until(lambda: len(self.messages) >= count)
        return self.messages[:count]


async def _never(*given: object) -> object:
    raise StoreUnavailable("away")

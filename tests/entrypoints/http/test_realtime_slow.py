"""Who reads too slowly is let go, and misses and doubles nothing by going on from where it was told to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from application.ledger import balance_watch, followers
from application.shared.ports import StoreUnavailable
from entrypoints.http.realtime import connection, endpoint
from entrypoints.settings import Settings
from tests.entrypoints.http.realtime_client import RealtimeClient, listed, post, realtime
from tests.entrypoints.http.realtime_server import OwnServer, narrow_socket, own_server
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


@pytest.mark.parametrize("bound", ["seconds"])
async def test_a_slow_reader_goes_on_from_where_it_was_let_go(
    server: OwnServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    await fill(server.url, tenant)
    monkeypatch.setattr(endpoint, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(connection, "FAREWELL_SECONDS", 50)
    if bound == "seconds":
        monkeypatch.setattr(connection, "SEND_SECONDS_MAX", 0.5)
    else:
        monkeypatch.setattr(followers, "WAITING_EVENTS_MAX", 20)
    narrow = await narrow_socket(server.url)
    async with realtime(server.url, tenant.key, sock=narrow, max_queue=1, ping_interval=None) as client:
        for number in range(FILLERS):
            await client.tell(type="subscribe", id=f"a{number}", channel="events", ledger="main", after=0)
        await asyncio.sleep(1.2)  # reads nothing
        if bound == "events":
            for _ in range(3):
                await post(server.url, tenant, 10)
        got, told = await all_that_came(client)
        assert told["problem"]["code"] == {"seconds": "reader-too-slow", "events": "fell-behind"}[bound]
        assert await client.close_code() == 4408
    await go_on(server, tenant, got, told["resume"])


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


async def _never(*given: object) -> object:
    raise StoreUnavailable("away")

"""Subscriptions: what is followed comes in order and once, and no longer than it may."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from adapters.embedded import ServerUrls
from entrypoints.container import Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import NewServer, served
from tests.entrypoints.http.graphql.asked import checked_error
from tests.entrypoints.http.realtime_client import listed, post, ticket_of
from tests.entrypoints.http.tenant import Json, Tenant, checked_problem, document

EVENTS = """subscription ($after: Long) { events(ledger: "main", after: $after) {
  through events { sequence type hash } } }"""
BALANCES = """subscription ($of: [String!]!) { balances(ledger: "main", accounts: $of) {
  sequence accounts { accountPath balances { asset posted available } } } }"""


class Socket:
    """A connection that speaks graphql-transport-ws."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def tell(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def subscribe(self, name: str, query: str, **variables: Any) -> None:
        await self.tell(type="subscribe", id=name, payload={"query": query, "variables": variables})

    async def next(self, seconds: float = 5) -> Json:
        """The next message that is no sign of life."""
        async with asyncio.timeout(seconds):
            while True:
                message: Json = json.loads(await self.socket.recv())
                delivery = (message.get("payload") or {}).get("data") if message["type"] == "next" else None
                if not delivery or delivery.get("events", {}).get("events") != []:
                    return message

    async def data(self) -> Json:
        message = await self.next()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        found: Json = message["payload"]["data"]
        return found

    async def events(self, count: int) -> list[Json]:
        found: list[Json] = []
        while len(found) < count:
            found += (await self.data())["events"]["events"]
        assert len(found) == count
        return found


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


@asynccontextmanager
async def connected(
    url: str, key: str | None, path: str = "/graphql", *, address: str | None = None, **options: Any
) -> AsyncIterator[Socket]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    headers |= {} if address is None else {"X-Forwarded-For": address}
    options = {"subprotocols": [Subprotocol("graphql-transport-ws")], **options}
    where = f"{url.replace('http', 'ws', 1)}{path}"
    async with connect(where, additional_headers=headers, proxy=None, **options) as socket:
        client = Socket(socket)
        await client.tell(type="connection_init")
        assert (await client.next())["type"] == "connection_ack"
        yield client


async def test_past_events_come_first_and_then_those_that_happen(url: str, tenant: Tenant) -> None:
    await post(url, tenant)
    async with connected(url, tenant.key) as client:
        await client.subscribe("a", EVENTS, after=0)
        past = await client.events(5)
        await post(url, tenant)
        found = [*past, *await client.events(1)]
        rest = [{name: each[name] for name in ("sequence", "type", "hash")} for each in await listed(tenant)]
        assert found == rest
        await client.subscribe("b", EVENTS, after=5)
        assert await client.events(1) == rest[5:]
        # One of both ends, and the other one goes on.
        await client.tell(type="complete", id="a")
        await client.tell(type="ping")
        assert (await client.next())["type"] == "pong"
        await post(url, tenant)
        message = await client.next()
        assert (message["id"], message["payload"]["data"]["events"]["events"][0]["sequence"]) == ("b", 7)


async def test_events_are_filtered_by_type_and_account(url: str, tenant: Tenant) -> None:
    await post(url, tenant)
    query = """subscription { events(ledger: "main", after: 0, types: ["account.opened"], accounts: "income:*") {
      through events { type data } } }"""
    async with connected(url, tenant.key) as client:
        await client.subscribe("a", query)
        (opened,) = await client.events(1)
        assert (opened["type"], opened["data"]["account"]) == ("account.opened", "income:sales")


async def test_balances_come_at_first_and_whenever_they_change(url: str, tenant: Tenant) -> None:
    async with connected(url, tenant.key) as client:
        await client.subscribe("a", BALANCES, of=["assets:bank"])
        assert (await client.data())["balances"]["accounts"] == []
        for posted in ("12.50", "25.00"):
            await post(url, tenant)
            (changed,) = (await client.data())["balances"]["accounts"]
            balance = {"asset": "EUR", "posted": posted, "available": posted}
            assert changed == {"accountPath": "assets:bank", "balances": [balance]}


async def test_what_may_not_be_followed_is_refused_by_itself(url: str, tenant: Tenant) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a", "scopes": ["ledgers:read"]}), 201)
    async with connected(url, made["key"]) as client:
        await client.subscribe("a", EVENTS)
        message = await client.next()
        told = checked_error(message["payload"], 403, "permission-denied")
        assert told["permission"] == "events:read"
        assert (await client.next())["type"] == "complete"
        await client.subscribe("b", BALANCES, of=["assets:bank"])
        checked_error((await client.next())["payload"], 403, "permission-denied")


async def test_over_a_socket_go_subscriptions_alone(url: str, tenant: Tenant) -> None:
    async with connected(url, tenant.key) as client:
        for name, query in (
            ("a", "{ ledgers { nodes { slug } } }"),
            ("b", 'mutation { releaseHold(ledger: "main", id: "x", input: {}) { sequence } }'),
            ("c", "subscription { nothing }"),
        ):
            await client.subscribe(name, query)
            message = await client.next()
            assert (message["type"], message["id"]) == ("error", name)
            assert {each["extensions"]["code"] for each in message["payload"]} == {"invalid-query"}
        await client.subscribe("d", 'subscription { events(ledger: "nowhere") { through } }')
        checked_error((await client.next())["payload"], 404, "ledger-not-found")
        assert (await client.next())["type"] == "complete"
        await client.subscribe("e", EVENTS.replace("hash", "hash(") + "x" * 300)
        with pytest.raises(ConnectionClosed):
            await client.next()
        assert client.socket.close_code == 4400


async def test_a_revoked_credential_follows_no_longer(url: str, tenant: Tenant) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)
    async with connected(url, made["key"]) as client, AsyncClient(headers=tenant.authorization) as owner:
        await client.subscribe("a", EVENTS)
        await client.subscribe("b", BALANCES, of=["assets:bank"])
        await client.data()
        assert (await owner.delete(f"{url}/v1/api-keys/{made['id']}")).status_code == 204
        await asyncio.sleep(0.6)
        await post(url, tenant)
        ended: dict[str, str] = {}
        while len(ended) < 2:
            message = await client.next()
            if message["type"] == "next":
                error = checked_error(message["payload"], 401, "not-authenticated")
                ended[message["id"]] = error["code"]
        assert set(ended) == {"a", "b"}


async def test_who_is_nobody_or_speaks_something_else_is_kept_out(url: str, tenant: Tenant) -> None:
    async def refusal(key: str | None, **options: Any) -> Json:
        with pytest.raises(InvalidStatus) as caught:
            async with connected(url, key, **options):
                pass
        told: Json = json.loads(caught.value.response.body or b"")
        return checked_problem(told, caught.value.response.status_code, told["code"])

    assert (await refusal(None))["code"] == "not-authenticated"
    assert (await refusal("ptk_1_x"))["code"] == "not-authenticated"
    assert (await refusal(tenant.key, subprotocols=None))["code"] == "unknown-sub-protocol"
    assert (await refusal(tenant.key, subprotocols=[Subprotocol("graphql-ws")]))["code"] == "unknown-sub-protocol"
    assert (await refusal(tenant.key, origin="https://evil.example"))["code"] == "origin-not-allowed"
    assert (await refusal(tenant.key, path="/graphql?query=x"))["code"] == "unknown-parameter"
    path = f"/graphql?ticket={await ticket_of(tenant)}"
    async with connected(url, None, path) as client:
        await client.subscribe("a", BALANCES, of=["assets:bank"])
        await client.data()
    assert (await refusal(None, path=path))["code"] == "not-authenticated"


async def test_a_server_that_stops_lets_those_who_follow_go(
    services: Services, settings: Settings, postgres_url: str, redis_url: str, tenant: Tenant
) -> None:
    async with opened(settings, ServerUrls(postgres_url, redis_url)) as container, AsyncExitStack() as clients:
        own = container.services()
        async with served(create_app(own)) as url:
            client = await clients.enter_async_context(connected(url, tenant.key))
            await client.subscribe("a", EVENTS)
            await client.subscribe("b", BALANCES, of=["assets:bank"])
            await client.data()
            own.relay.end()
            assert {(await client.next())["type"], (await client.next())["type"]} == {"complete"}
            began = time.monotonic()
        assert time.monotonic() < began + 5

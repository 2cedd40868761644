"""What a socket of GraphQL may cost, how long it is open, and whose books it shows."""

import asyncio
from collections import Counter
from ipaddress import ip_network

import pytest
from httpx2 import AsyncClient
from websockets.exceptions import ConnectionClosed, InvalidStatus

from domain.shared.access import Principal
from domain.shared.quotas import Quotas
from entrypoints.container import Services
from entrypoints.http.graphql import socket
from tests.entrypoints.http.conftest import NewOrganisation, NewServer
from tests.entrypoints.http.graphql.asked import checked_error
from tests.entrypoints.http.graphql.test_subscriptions import BALANCES, EVENTS, Socket, connected
from tests.entrypoints.http.guarded import any_address
from tests.entrypoints.http.realtime_client import post
from tests.entrypoints.http.tenant import Tenant, document

QUERY = "{ ledgers { nodes { slug } } }"


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


async def told_of(client: Socket, count: int) -> Counter[str]:
    """Send so many operations of all kinds; return how often they were refused by which code, or done."""
    found: Counter[str] = Counter()
    for number in range(count):
        query = (BALANCES, QUERY, QUERY.replace("{", "mutation {", 1))[number % 3]
        await client.subscribe(f"s{number}", query, of=["assets:bank"])
        message = await client.next()
        assert message["id"] == f"s{number}"
        if message["type"] == "next":
            found["done"] += 1
            await client.tell(type="complete", id=f"s{number}")
            continue
        assert message["type"] == "error", message
        (code,) = {each["extensions"]["code"] for each in message["payload"]}
        if code == "rate-limited":
            told = checked_error({"errors": message["payload"]}, 429, code)
            assert "minute" in told["detail"], told
        found[code] += 1
    return found


@pytest.mark.parametrize(
    "limit", ["rate_limit_address", "rate_limit_caller", "rate_limit_organisation", "requests_per_minute"]
)
async def test_each_operation_counts_as_a_request(
    new_server: NewServer, services: Services, tenant: Tenant, limit: str
) -> None:
    limits, address = {limit: 5}, any_address()
    if limit == "requests_per_minute":
        operator = Principal(tenant.organisation_id, "system:cli")
        await services.organisation_keeping.set_quotas(operator, Quotas(requests_per_minute=5), request_id="req_1")
        limits = {}
    guarded = await new_server(**limits, trusted_proxies=(ip_network("127.0.0.0/8"),))
    async with connected(guarded, tenant.key, address=address) as client:
        found = await told_of(client, 18)
        # The handshake was the first; a minute may end meanwhile, once.
        assert found["rate-limited"] >= 18 - 2 * 5, found
        assert found["invalid-query"] > 0, "queries and mutations were counted too"
        # The connection goes on.
        await client.tell(type="ping")
        assert (await client.next())["type"] == "pong"
    async with AsyncClient(headers={**tenant.authorization, "X-Forwarded-For": address}) as rest:
        assert 429 in [(await rest.get(f"{guarded}/v1/ledgers")).status_code for _ in range(6)]


async def test_an_idle_socket_ends_with_its_credential(
    url: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(socket, "CERTAIN_SECONDS", 0)
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)
    async with connected(url, tenant.key) as other, connected(url, made["key"]) as client:
        async with AsyncClient(headers=tenant.authorization) as owner:
            assert (await owner.delete(f"{url}/v1/api-keys/{made['id']}")).status_code == 204
        async with asyncio.timeout(5):
            await client.socket.wait_closed()
        assert (client.socket.close_code, client.socket.close_reason) == (4401, "not-authenticated")
        await other.tell(type="ping")
        assert (await other.next())["type"] == "pong"


async def test_an_operation_with_a_revoked_credential_ends_the_socket(url: str, tenant: Tenant) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)
    async with connected(url, made["key"]) as client, AsyncClient(headers=tenant.authorization) as owner:
        assert (await owner.delete(f"{url}/v1/api-keys/{made['id']}")).status_code == 204
        await client.subscribe("a", BALANCES, of=["assets:bank"])
        with pytest.raises(ConnectionClosed):
            await client.next()
        assert client.socket.close_code == 4401


async def test_one_organisation_leaves_room_for_others(
    url: str, tenant: Tenant, new_organisation: NewOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "CONNECTIONS_OF_ORGANISATION_MAX", 1)
    other = await new_organisation()
    async with connected(url, tenant.key):
        with pytest.raises(InvalidStatus) as caught:
            async with connected(url, tenant.key):
                pass
        assert caught.value.response.status_code == 503
        async with connected(url, other.key):
            pass
    async with asyncio.timeout(5):
        while True:  # the server notices soon that the first has gone
            try:
                async with connected(url, tenant.key):
                    return
            except InvalidStatus:
                await asyncio.sleep(0.02)


async def test_books_of_another_organisation_are_followed_by_nobody_else(
    url: str, tenant: Tenant, new_organisation: NewOrganisation
) -> None:
    other = await new_organisation()
    document(await other.client.post("/v1/ledgers", json={"slug": "theirs", "name": "Theirs"}), 201)
    async with connected(url, tenant.key) as client, connected(url, other.key) as theirs:
        # A ledger that only they have, and one whose name both have.
        for name, query in (("a", EVENTS), ("b", BALANCES)):
            await client.subscribe(name, query.replace('"main"', '"theirs"'), of=["assets:bank"])
            checked_error((await client.next())["payload"], 404, "ledger-not-found")
            assert (await client.next())["type"] == "complete"
        await client.subscribe("c", EVENTS)
        await client.subscribe("d", BALANCES, of=["assets:bank"])
        assert (await client.data())["balances"]["accounts"] == []
        await theirs.subscribe("e", EVENTS)
        await post(url, other)
        assert len(await theirs.events(4)) == 4
        with pytest.raises(TimeoutError):
            await client.next(0.5)


@pytest.mark.parametrize(
    "message",
    [
        "[1]",
        '"x"',
        "7",
        '{"type":"subscribe","id":["a"],"payload":{"query":"{x}"}}',
        '{"type":"subscribe","id":"a","payload":[]}',
        '{"type":"subscribe","id":"a","payload":{"query":7}}',
        '{"type":"subscribe","id":"a","payload":{"query":"{x}","variables":[1]}}',
        '{"type":"subscribe","id":"a","payload":{"query":"{x}","operationName":{}}}',
        '{"type":"complete","id":{}}',
        '{"type":"subscribe"}',
        '{"id":"a"}',
    ],
)
async def test_what_is_no_message_ends_the_socket(url: str, tenant: Tenant, message: str) -> None:
    async with connected(url, tenant.key) as client:
        await client.socket.send(message)
        with pytest.raises(ConnectionClosed):
            await client.next()
        assert client.socket.close_code == 4400

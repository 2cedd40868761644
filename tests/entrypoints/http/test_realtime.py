"""Events and balances over a WebSocket: what is asked for comes, in order and once, and no longer than it may."""

import pytest
from httpx2 import AsyncClient

from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.realtime_client import realtime
from tests.entrypoints.http.tenant import Json, Tenant, document, sale


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


async def post(url: str, tenant: Tenant, count: int = 1) -> None:
    """Post sales at a server."""
    async with AsyncClient(headers=tenant.authorization) as client:
        for _ in range(count):
            document(await client.post(f"{url}{tenant.path('/transactions')}", json=sale()), 201)


async def listed(tenant: Tenant, query: str = "") -> list[Json]:
    """The events that the list has."""
    found: list[Json] = document(await tenant.get(f"/events?limit=500{query}"))["data"]
    return found


async def test_past_events_come_first_and_then_those_that_happen(url: str, tenant: Tenant) -> None:
    await tenant.posted(sale())
    async with realtime(url, tenant.key) as client:
        told = await client.answer(type="subscribe", id="a", channel="events", ledger="main", after=0)
        assert told == {"type": "subscribed", "id": "a", "sequence": 0}
        past = await client.events(5)
        await post(url, tenant)
        assert [*past, *await client.events(1)] == await listed(tenant)

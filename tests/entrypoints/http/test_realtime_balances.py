"""Balances over a WebSocket: as they are, and whenever they change, in the words of the route that shows them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from entrypoints.container import Services
from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.credentials import Limits, Maker, api_key
from tests.entrypoints.http.realtime_client import RealtimeClient, post, realtime
from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, sale

BALANCES = {"type": "subscribe", "channel": "balances", "ledger": "main"}
ANY = {"If-Match": "*"}
BANK, SALES = "assets:bank", "income:sales"


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


@pytest.fixture
async def client(url: str, tenant: Tenant) -> AsyncIterator[RealtimeClient]:
    async with realtime(url, tenant.key) as made:
        yield made


async def shown(tenant: Tenant, *accounts: str) -> list[Json]:
    """What the route of balances has of these accounts."""
    found: list[Json] = []
    for account in accounts:
        balances = document(await tenant.get(f"/accounts/{account}/balances"))["balances"]
        found += [{"account": account, **each} for each in balances]
    return found


async def told(client: RealtimeClient, sequence: int, name: str = "b") -> list[Json]:
    """What is told of balances, as of that sequence."""
    message = await client.next()
    assert (message["type"], message["id"], message["sequence"]) == ("balances", name, sequence), message
    data: list[Json] = message["data"]
    return data


async def hold(url: str, tenant: Tenant, rest: str, **asked: object) -> Json:
    """Do something with a hold."""
    path = tenant.path(f"/holds{rest}")
    made: Json = document(await tenant.client.post(path, json=asked), 200 if "release" in rest else 201)
    return made


async def test_all_are_told_first_and_then_those_that_change(url: str, tenant: Tenant, client: RealtimeClient) -> None:
    await tenant.posted(sale())
    await tenant.posted(sale(entries=moved("assets:till", "equity:own", "1.00")))
    accounts = [SALES, BANK, "assets:till", "assets:nobody"]
    assert (await client.subscribe("b", channel="balances", accounts=accounts))["sequence"] == 8
    first = await told(client, 8)
    assert first == await shown(tenant, BANK, "assets:till", SALES)
    assert [(each["account"], each["posted"]) for each in first] == [
        (BANK, "12.50"),
        ("assets:till", "1.00"),
        (SALES, "12.50"),
    ]
    await post(url, tenant)
    assert await told(client, 9) == await shown(tenant, BANK, SALES)
    await post(url, tenant, entries=moved("assets:other", "equity:own", "1.00"))
    patched = await tenant.client.patch(tenant.path(f"/accounts/{BANK}"), json={"metadata": {"a": "b"}}, headers=ANY)
    document(patched)
    assert await client.answer(type="ping") == {"type": "pong"}, "no balance of theirs has changed"


async def test_an_account_that_opens_later_is_told_of_then(url: str, tenant: Tenant, client: RealtimeClient) -> None:
    await client.subscribe("b", channel="balances", accounts=[BANK])
    assert await told(client, 1) == []
    await post(url, tenant)
    assert await told(client, 5) == await shown(tenant, BANK)


async def test_a_hold_changes_what_is_available_all_its_life_long(
    url: str, tenant: Tenant, client: RealtimeClient
) -> None:
    await tenant.posted(sale("100.00"))
    await client.subscribe("b", channel="balances", accounts=[BANK])
    await told(client, 5)
    entries = moved("expenses:rent", BANK, "40.00")
    placed = await hold(url, tenant, "", entries=entries)
    assert await told(client, await tenant.head()) == await shown(tenant, BANK)
    captured = moved("expenses:rent", BANK, "10.00")
    await hold(url, tenant, f"/{placed['id']}/capture", entries=captured)
    (now,) = await told(client, await tenant.head())
    assert now == (await shown(tenant, BANK))[0]
    assert now["posted"] == "90.00"
    await hold(url, tenant, f"/{placed['id']}/release")
    (now,) = await told(client, await tenant.head())
    assert now == (await shown(tenant, BANK))[0]
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    await hold(url, tenant, "", entries=entries, expires_at=soon)
    assert (await told(client, await tenant.head()))[0] != now
    (after,) = (await client.next(8))["data"]
    assert after == now, "it has expired"


async def test_what_changes_again_and_again_is_told_as_it_is_at_last(
    url: str, tenant: Tenant, client: RealtimeClient
) -> None:
    await tenant.posted(sale())
    await client.subscribe("b", channel="balances", accounts=[BANK])
    await told(client, 5)
    await post(url, tenant, 5)
    sequence, data = 5, []
    while sequence < 10:
        message = await client.next()
        assert message["sequence"] > sequence
        sequence, data = message["sequence"], message["data"]
    assert data == await shown(tenant, BANK)
    assert data[0]["posted"] == "75.00"


async def test_events_and_balances_share_a_connection(url: str, tenant: Tenant, client: RealtimeClient) -> None:
    await tenant.posted(sale())
    await client.subscribe("e", channel="events")
    await client.subscribe("b", channel="balances", accounts=[BANK])
    await told(client, 5)
    await post(url, tenant)
    kinds = {(await client.next())["type"] for _ in range(2)}
    assert kinds == {"events", "balances"}
    assert (await client.answer(type="unsubscribe", id="b"))["type"] == "unsubscribed"
    await client.tell(type="acknowledge", id="e", sequence=6)
    await post(url, tenant)
    assert len(await client.events(1)) == 1


@pytest.mark.parametrize(
    ("accounts", "code"),
    [
        ([], "validation-failed"),
        ([f"a:{number}" for number in range(101)], "validation-failed"),
        ("assets:bank", "validation-failed"),
        ([5], "validation-failed"),
    ],
)
async def test_accounts_are_a_list_of_a_hundred_at_most(client: RealtimeClient, accounts: object, code: str) -> None:
    await client.refused(422, code, **BALANCES, id="b", accounts=accounts)


@pytest.mark.parametrize("account", ["assets:*", "a::b", "", "A B", "**"])
async def test_what_is_no_path_is_refused(client: RealtimeClient, account: str) -> None:
    told = await client.refused(422, "validation-failed", **BALANCES, id="b", accounts=[BANK, account])
    assert blamed(told) == ["/accounts/1"]


async def test_a_limited_grant_shows_its_accounts_only(
    url: str, tenant: Tenant, services: Services, owner: AsyncEngine
) -> None:
    await tenant.posted(sale())
    limits = Limits("auditor", accounts=("assets:**",))
    key = await api_key(Maker(services, owner, tenant.organisation_id), limits)
    async with realtime(url, key) as client:
        await client.subscribe("mine", channel="balances", accounts=[BANK])
        assert await told(client, 5, "mine") == await shown(tenant, BANK)
        await client.refused(403, "permission-denied", **BALANCES, id="both", accounts=[BANK, SALES])
        await client.refused(403, "permission-denied", **BALANCES, id="hidden", accounts=["income:none"])


def moved(debit: str, credit: str, amount: str) -> list[Json]:
    """The entries of a movement."""
    return [
        {"account": debit, "direction": "debit", "amount": amount, "asset": "EUR"},
        {"account": credit, "direction": "credit", "amount": amount, "asset": "EUR"},
    ]

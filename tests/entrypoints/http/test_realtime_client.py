"""The project's own client at a real server: what it hands over is exactly what the routes give."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from domain.ledger.events import EVENT_TYPES
from entrypoints.client import Balance, Event, EventSubscription, Realtime, Refused, line
from entrypoints.client.documents import read_balance, read_event
from entrypoints.http.realtime import subscriptions
from tests.entrypoints.http.asyncapi import DESCRIBED
from tests.entrypoints.http.conftest import NewOrganisation, NewServer
from tests.entrypoints.http.realtime_client import realtime
from tests.entrypoints.http.tenant import Json, Tenant, document, sale
from tests.redis_server import until

WALLETS = ["users:1:wallet", "users:2:wallet"]
ACCOUNTS = ["assets:bank", "assets:till", *WALLETS, "users:2:loans:car", "income:sales"]
COMMON_TYPES = ["transaction.posted", "account.opened", "account.frozen", "ledger.changed"]
PATTERNS = [*ACCOUNTS, "**", "assets:*", "users:*:**", "users:*:wallet", "**:wallet", "*", "nobody", "users:2:**"]


class DescribedConnection(ClientConnection):
    """A connection whose every message is one that the AsyncAPI document describes."""

    async def send(self, message: Any, **options: Any) -> None:
        DESCRIBED.check("receive", json.loads(message))
        await super().send(message, **options)

    async def recv(self, *options: Any) -> Any:
        message = await super().recv(*options)
        DESCRIBED.check("send", json.loads(message))
        return message


@pytest.fixture(scope="module", autouse=True)
def described_messages() -> Any:
    """See that what goes over the connections of these tests is described."""

    def described(*arguments: Any, **options: Any) -> connect:
        return connect(*arguments, create_connection=DescribedConnection, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(line, "connect", described)
        # A filter that leaves out the last event is told soon how far it came.
        patched.setattr(subscriptions, "HEARTBEAT_SECONDS", 0.05)
        yield


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


@pytest.fixture(scope="module")
async def shop(new_organisation: NewOrganisation) -> Tenant:
    """A ledger in which much has happened, and more does with each example."""
    shop = await new_organisation()
    chance = random.Random(3)
    for account in (*WALLETS, "users:2:loans:car"):
        await opened(shop, account)
    for _ in range(12):
        await something_happens(shop, chance)
    return shop


async def opened(shop: Tenant, account: str) -> None:
    """Open an account of a user."""
    document(await shop.client.post(shop.path("/accounts"), json={"path": account, "type": "liability"}), 201)


async def something_happens(shop: Tenant, chance: random.Random) -> None:
    """Post, freeze or change something."""
    giver, taker = chance.sample(ACCOUNTS, 2)
    what = chance.randrange(6)
    if what == 0:
        kind = chance.choice(["freeze", "unfreeze"])
        await shop.client.post(shop.path(f"/accounts/users:1:wallet/{kind}"), json={"reason": "Tests"})
    elif what == 1:
        change = {"metadata": {"changed": str(chance.random())}}
        await shop.client.patch(shop.path(), json=change, headers={"If-Match": "*"})
    else:
        amount = f"{chance.randint(1, 999)}.00"
        entries = [
            {"account": giver, "direction": "debit", "amount": amount, "asset": "EUR"},
            {"account": taker, "direction": "credit", "amount": amount, "asset": "EUR"},
        ]
        await shop.post({"entries": entries})


class Reading:
    """What a subscription hands over, as it comes."""

    def __init__(self, followed: EventSubscription) -> None:
        self.followed = followed
        self.seen: list[Event] = []

    async def read(self) -> None:
        async for event in self.followed:
            found = event
            self.seen.append(found)


@asynccontextmanager
async def reading(followed: EventSubscription) -> AsyncIterator[Reading]:
    """Read on and on."""
    made = Reading(followed)
    task = asyncio.create_task(made.read())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def listed(tenant: Tenant, *, after: int, event_types: list[str], account: str | None) -> list[Event]:
    """All events that the list has, page by page."""
    query: Json = {"limit": "25"}
    if event_types:
        query["type[in]"] = ",".join(event_types)
    if account is not None:
        query["account"] = account
    found: list[Event] = []
    page: Json = {"has_more": True, "through": after}
    while page["has_more"]:
        page = document(await tenant.get("/events", params={**query, "after": page["through"]}))
        found += map(read_event, page["data"])
    return found


# What fails once fails slowly: it is not made smaller.
@examples(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(
    after=st.integers(0, 40),
    event_types=st.lists(
        st.sampled_from(["transaction.posted", "account.opened", *EVENT_TYPES]), unique=True, max_size=3
    ),
    account=st.none() | st.sampled_from(PATTERNS),
    more=st.integers(0, 4),
    seed=st.integers(0, 1_000),
)
async def test_what_is_handed_over_is_what_the_list_has_for_the_same_filter(
    url: str, shop: Tenant, after: int, event_types: list[str], account: str | None, more: int, seed: int
) -> None:
    chance = random.Random(seed)
    async with Realtime(url, token=shop.key) as realtime:
        followed = realtime.events("main", after=after, event_types=event_types, account=account)
        async with reading(followed) as found:
            for turn in range(more):
                if turn == more // 2:
                    await asyncio.sleep(0.02)
                await something_happens(shop, chance)
            head = max(await shop.head(), after)
            await until(lambda: followed.through == head, seconds=20)
    assert found.seen == await listed(shop, after=after, event_types=event_types, account=account)


async def test_balances_are_those_that_the_routes_give(url: str, shop: Tenant) -> None:
    chance = random.Random(5)
    later = [f"users:{number}:wallet" for number in range(11, 15)]
    there = [*WALLETS, "assets:till"]
    now: dict[tuple[str, str], Balance] = {}
    await shop.client.post(shop.path("/accounts/users:1:wallet/unfreeze"), json={"reason": "Tests"})
    async with Realtime(url, token=shop.key) as realtime:
        watched = aiter(realtime.balances("main", [*there, *later]))
        for turn in range(9):
            account = chance.choice(WALLETS)
            if turn > 4:
                # The account is opened, and at once something happens that concerns another one as well.
                account = later[turn - 5]
                await opened(shop, account)
                there.append(account)
            if turn:
                amount = f"{chance.randint(1, 999)}.00"
                entries = [
                    {"account": "assets:till", "direction": "debit", "amount": amount, "asset": "EUR"},
                    {"account": account, "direction": "credit", "amount": amount, "asset": "EUR"},
                ]
                await shop.posted({"entries": entries})
            head, sequence = await shop.head(), 0
            while sequence < head:
                changed = await asyncio.wait_for(anext(watched), 5)
                now |= {(each.account, each.asset): each for each in changed.changed}
                sequence = changed.sequence
            assert now == await balances(shop, there)
        await watched.aclose()


async def balances(shop: Tenant, accounts: list[str]) -> dict[tuple[str, str], Balance]:
    """What the route gives of accounts."""
    found = {}
    for account in accounts:
        for each in document(await shop.get(f"/accounts/{account}/balances"))["balances"]:
            found[account, each["asset"]] = read_balance({"account": account, **each})
    return found


async def test_who_may_not_is_told(url: str, shop: Tenant) -> None:
    async with Realtime(url, token="ptk_1_wrong") as realtime:
        with pytest.raises(Refused) as refused:
            await anext(aiter(realtime.events("main")))
    assert (refused.value.status, refused.value.code) == (401, "not-authenticated")
    async with Realtime(url, token=shop.key) as realtime:
        with pytest.raises(Refused) as refused:
            await anext(aiter(realtime.events("nowhere")))
    assert (refused.value.status, refused.value.code) == (404, "ledger-not-found")


async def test_a_key_that_is_revoked_follows_no_longer(url: str, shop: Tenant) -> None:
    made = document(await shop.client.post("/v1/api-keys", json={"name": "leaked"}), 201)
    async with Realtime(url, token=made["key"]) as realtime:
        followed = realtime.events("main")
        waiting = asyncio.create_task(_end(followed))
        await until(lambda: followed.through is not None)
        assert (await shop.client.delete(f"/v1/api-keys/{made['id']}")).status_code == 204
        async with AsyncClient(headers=shop.authorization) as client:
            document(await client.post(f"{url}{shop.path('/transactions')}", json=sale()), 201)
        with pytest.raises(Refused) as refused:
            await asyncio.wait_for(waiting, 20)
    assert (refused.value.status, refused.value.code) == (401, "not-authenticated")


async def _end(followed: EventSubscription) -> None:
    async for _ in followed:
        pass


async def test_every_message_of_the_server_is_one_that_is_described(url: str, shop: Tenant) -> None:
    seen: set[str] = {"welcome"}
    async with realtime(url, shop.key) as client:
        asked: list[Json] = [
            {"type": "ping"},
            {"type": "authenticate", "token": shop.key},
            {"type": "subscribe", "id": "a", "channel": "events", "ledger": "main"},
            {"type": "unsubscribe", "id": "a"},
            {"type": "unsubscribe", "id": "a"},
            {"type": "subscribe", "id": "b", "channel": "balances", "ledger": "main", "accounts": WALLETS},
        ]
        for message in asked:
            DESCRIBED.check("receive", message)
            seen.add((await client.answer(**message))["type"])
        seen.add((await client.next())["type"])
        await client.tell(type="subscribe", id="c", channel="events", ledger="main", after=0)
        # Balances have signs of life, too.
        while "events" not in seen:
            seen.add((await client.next())["type"])
        await client.socket.send("{")
        while "closing" not in seen:
            seen.add((await client.next())["type"])
        assert await client.close_code() == 4400
    assert seen == DESCRIBED.names("send")

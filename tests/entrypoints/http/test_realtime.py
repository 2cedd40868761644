"""Events over a WebSocket: what is asked for comes, in order and once, and exactly as the list has it."""

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from entrypoints.container import Services
from tests.entrypoints.http.conftest import NewOrganisation, NewServer
from tests.entrypoints.http.credentials import Limits, Maker, api_key
from tests.entrypoints.http.realtime_client import RealtimeClient, listed, post, realtime
from tests.entrypoints.http.tenant import Json, Tenant, document, sale

EVENTS = {"type": "subscribe", "channel": "events", "ledger": "main"}


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


@pytest.fixture
async def client(url: str, tenant: Tenant) -> AsyncIterator[RealtimeClient]:
    async with realtime(url, tenant.key) as made:
        yield made


def other() -> list[Json]:
    """Entries that have nothing to do with a sale."""
    return [
        {"account": "assets:till", "direction": "debit", "amount": "1.00", "asset": "EUR"},
        {"account": "equity:own", "direction": "credit", "amount": "1.00", "asset": "EUR"},
    ]


async def test_past_events_come_first_and_then_those_that_happen(
    url: str, tenant: Tenant, client: RealtimeClient
) -> None:
    await tenant.posted(sale())
    told = await client.answer(**EVENTS, id="a", after=0)
    assert told == {"type": "subscribed", "id": "a", "sequence": 0}
    past = await client.events(5)
    await post(url, tenant)
    assert [*past, *await client.events(1)] == await listed(tenant)


async def test_without_a_place_to_begin_it_begins_with_the_next(
    url: str, tenant: Tenant, client: RealtimeClient
) -> None:
    await tenant.posted(sale())
    assert (await client.subscribe("a", channel="events"))["sequence"] == 5
    await post(url, tenant)
    (event,) = await client.events(1)
    assert (event["sequence"], event["type"]) == (6, "transaction.posted")


async def test_subscriptions_of_one_connection_do_not_mix(url: str, tenant: Tenant, client: RealtimeClient) -> None:
    document(await tenant.client.post("/v1/ledgers", json={"slug": "shop"}), 201)
    await client.subscribe("all", channel="events")
    await client.subscribe("sales", channel="events", account="income:*", event_types=["transaction.posted"])
    await client.subscribe("shop", channel="events", ledger="shop", after=0)
    await post(url, tenant)
    got: dict[str, list[int]] = {"all": [], "sales": [], "shop": []}
    while sum(map(len, got.values())) < 6:
        message = await client.next()
        got[message["id"]] += [event["sequence"] for event in message["data"]]
    assert got == {"all": [2, 3, 4, 5], "sales": [5], "shop": [1]}


async def test_what_is_unsubscribed_is_heard_of_no_more_and_its_name_is_free(
    url: str, tenant: Tenant, client: RealtimeClient
) -> None:
    await client.subscribe("a", channel="events")
    await client.refused(422, "validation-failed", **EVENTS, id="a")
    assert await client.answer(type="unsubscribe", id="a") == {"type": "unsubscribed", "id": "a"}
    await client.refused(422, "validation-failed", type="unsubscribe", id="a")
    await client.refused(422, "validation-failed", type="acknowledge", id="a", sequence=1)
    await post(url, tenant)
    assert await client.answer(type="ping") == {"type": "pong"}
    await client.subscribe("a", channel="events", after=4)
    assert [event["sequence"] for event in await client.events(1)] == [5]


async def test_a_connection_has_a_hundred_subscriptions(client: RealtimeClient) -> None:
    for number in range(100):
        await client.tell(**EVENTS, id=f"a{number}", event_types=["ledger.changed"])
    assert {(await client.next())["type"] for _ in range(100)} == {"subscribed"}
    await client.refused(422, "validation-failed", **EVENTS, id="a100")
    assert (await client.answer(type="unsubscribe", id="a7"))["type"] == "unsubscribed"
    await client.subscribe("a100", channel="events")


@pytest.mark.parametrize("window", [1, 3])
async def test_no_more_are_sent_than_may_be_unacknowledged(
    url: str, tenant: Tenant, client: RealtimeClient, window: int
) -> None:
    await post(url, tenant, 6)  # ten events
    await client.subscribe("a", channel="events", after=0, acknowledge=window)
    got: list[int] = []
    while len(got) < 10:
        got += [event["sequence"] for event in await client.events(min(window, 10 - len(got)))]
        assert await client.answer(type="ping") == {"type": "pong"}, "nothing more comes"
        await client.tell(type="acknowledge", id="a", sequence=got[-1])
    assert got == list(range(1, 11))


async def test_an_acknowledgement_in_part_makes_room_in_part(url: str, tenant: Tenant, client: RealtimeClient) -> None:
    await post(url, tenant, 6)
    await client.subscribe("a", channel="events", after=0, acknowledge=4)
    await client.events(4)
    await client.tell(type="acknowledge", id="a", sequence=3)
    assert [event["sequence"] for event in await client.events(3)] == [5, 6, 7]
    await client.tell(type="acknowledge", id="a", sequence=2)  # known already
    assert await client.answer(type="ping") == {"type": "pong"}
    await client.tell(type="acknowledge", id="a", sequence=2**53)
    assert [event["sequence"] for event in await client.events(3)] == [8, 9, 10]


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ({"ledger": "nowhere"}, 404, "ledger-not-found"),
        ({"ledger": ""}, 404, "ledger-not-found"),
        ({"event_types": ["transaction.posted", "none.such"]}, 422, "validation-failed"),
        ({"account": "a::b"}, 422, "validation-failed"),
        ({"after": -1}, 422, "validation-failed"),
        ({"after": 2**53 + 1}, 422, "validation-failed"),
        ({"after": "5"}, 422, "validation-failed"),
        ({"acknowledge": 0}, 422, "validation-failed"),
        ({"acknowledge": 5_001}, 422, "validation-failed"),
        ({"channel": "rumours"}, 422, "validation-failed"),
        ({"channel": ["events"]}, 422, "validation-failed"),
        ({"colour": "blue"}, 422, "validation-failed"),
        ({"ledger": None}, 422, "validation-failed"),
    ],
)
async def test_what_cannot_be_subscribed_to_is_refused_and_the_connection_goes_on(
    client: RealtimeClient, message: Json, status: int, code: str
) -> None:
    await client.refused(status, code, **{**EVENTS, "id": "a", **message})
    await client.subscribe("a", channel="events")


@pytest.mark.parametrize("text", ["[]", "5", "null", "{}", '{"type":"dance"}', '{"type":["ping"]}', '{"type":null}'])
async def test_what_is_json_and_no_message_is_refused(client: RealtimeClient, text: str) -> None:
    await client.socket.send(text)
    told = await client.next()
    assert (told["type"], told["problem"]["code"]) == ("problem", "validation-failed")
    assert await client.answer(type="ping") == {"type": "pong"}


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "é", 5, None])
async def test_a_name_is_short_and_plain(client: RealtimeClient, name: object) -> None:
    told = await client.answer(**EVENTS, id=name)
    assert (told["type"], told["problem"]["code"]) == ("problem", "validation-failed")
    assert len(json.dumps(told)) < 1_000


async def test_nobody_follows_a_ledger_of_another(
    url: str, tenant: Tenant, client: RealtimeClient, new_organisation: NewOrganisation
) -> None:
    stranger = await new_organisation()
    document(await stranger.client.post("/v1/ledgers", json={"slug": "theirs"}), 201)
    await client.refused(404, "ledger-not-found", **{**EVENTS, "id": "a", "ledger": "theirs"})
    await client.subscribe("a", channel="events")
    await post(url, stranger)
    await post(url, tenant)
    assert await client.events(4) == (await listed(tenant))[1:]


@pytest.mark.parametrize(
    ("limits", "may"),
    [
        (Limits("auditor"), True),
        (Limits("auditor", ledgers=("main",)), True),
        (Limits("auditor", ledgers=("shop",)), False),
        (Limits("auditor", accounts=("assets:**",)), False),
        (Limits("accounts:read"), False),
    ],
)
async def test_events_are_for_who_may_read_all_of_the_ledger(
    url: str, tenant: Tenant, services: Services, owner: AsyncEngine, limits: Limits, may: bool
) -> None:
    key = await api_key(Maker(services, owner, tenant.organisation_id), limits)
    async with realtime(url, key) as client:
        if may:
            await client.subscribe("a", channel="events")
        else:
            told = await client.answer(**EVENTS, id="a")
            assert told["problem"]["status"] in (403, 404), told


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "event_types": st.lists(st.sampled_from(["transaction.posted", "account.opened", "asset.registered"])),
        "account": st.sampled_from(["assets:bank", "assets:*", "**:sales", "**", "nobody", "equity:own"]),
    },
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_what_is_delivered_is_what_the_list_has_for_the_same_filter(
    url: str, client: RealtimeClient, tenant: Tenant, data: st.DataObject
) -> None:
    if await tenant.head() == 1:
        for number in range(6):
            await tenant.posted(sale() if number % 2 else sale(entries=other()))
    wanted, after = data.draw(FILTERS), data.draw(st.integers(0, 15))
    query = f"&after={after}" + "".join(f"&account={wanted[name]}" for name in ("account",) if name in wanted)
    if types := wanted.get("event_types"):
        query += f"&type[in]={','.join(types)}"
    expected = await listed(tenant, query)
    await client.subscribe("f", channel="events", after=after, **wanted)
    assert await client.events(len(expected)) == expected
    await post(url, tenant)
    expected = [event for event in await listed(tenant, query) if event not in expected]
    assert await client.events(len(expected)) == expected
    assert (await client.answer(type="unsubscribe", id="f"))["type"] == "unsubscribed"

"""Events as they come: by a real connection, from the same server and from another."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from adapters.embedded import ServerUrls
from adapters.redis.wake_ups import CHANNEL
from application.ledger import relay
from entrypoints.container import Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import NewOrganisation, NewServer, served
from tests.entrypoints.http.event_source import event_source
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale
from tests.redis_server import RedisServer
from tests.server_process import ServerProcess

EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


async def post(url: str, tenant: Tenant, count: int = 1) -> None:
    """Post sales at a server."""
    async with AsyncClient(headers=tenant.authorization) as client:
        for _ in range(count):
            document(await client.post(f"{url}{tenant.path('/transactions')}", json=sale()), 201)


async def listed(tenant: Tenant, query: str = "") -> list[Json]:
    """All events that the list has, page by page."""
    found: list[Json] = []
    page: Json = {"has_more": True, "through": 0}
    while page["has_more"]:
        page = document(await tenant.get(f"/events?after={page['through']}&limit=3{query}"))
        assert len(page["data"]) <= 3
        found += page["data"]
    return found


async def test_what_there_is_comes_first_and_then_what_happens(url: str, tenant: Tenant) -> None:
    await tenant.posted(sale())
    async with event_source(url, tenant.key, after=0) as source:
        assert source.response.headers["content-type"].startswith("text/event-stream")
        assert source.response.headers["cache-control"] == "no-store"
        past = await source.take(5)
        assert [event.type for event in past] == [event["type"] for event in await listed(tenant)]
        await post(url, tenant)
        live = await source.next()
        assert source.retry_milliseconds == 2000
    assert (live.type, live.id) == ("transaction.posted", "6")
    assert [event.data for event in [*past, live]] == await listed(tenant)


async def test_without_a_place_to_begin_it_begins_with_the_next(url: str, tenant: Tenant) -> None:
    await tenant.posted(sale())
    async with event_source(url, tenant.key) as source:
        await post(url, tenant)
        assert (await source.next()).id == "6"


async def test_who_connects_again_goes_on_after_the_last(url: str, tenant: Tenant) -> None:
    await tenant.posted(sale())
    async with event_source(url, tenant.key, after=0) as source:
        await source.take(2)
    await post(url, tenant)
    # What the client heard last comes before what its URL says.
    async with event_source(url, tenant.key, after=0, last=source.last_id) as again:
        assert [event.id for event in await again.take(4)] == ["3", "4", "5", "6"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&type=transaction.posted",
        "&type[in]=account.opened,asset.registered",
        "&account=assets:bank",
        "&account=**:sales",
        "&account=assets:*&type=account.opened",
        "&account=nobody",
    ],
)
async def test_what_is_followed_is_what_the_list_has_for_the_same_filter(url: str, tenant: Tenant, query: str) -> None:
    for number in range(4):
        await tenant.posted(sale(entries=sale()["entries"] if number % 2 else _other()))
    parameters = dict(each.split("=") for each in query[1:].split("&") if each)
    wanted = await listed(tenant, query)
    async with event_source(url, tenant.key, after=0, **parameters) as source:
        assert [event.data for event in await source.take(len(wanted))] == wanted
        await post(url, tenant)
        of_last = [event for event in await listed(tenant, query) if event not in wanted]
        assert [event.data for event in await source.take(len(of_last))] == of_last


def _other() -> list[Json]:
    return [
        {"account": "assets:till", "direction": "debit", "amount": "1.00", "asset": "EUR"},
        {"account": "equity:own", "direction": "credit", "amount": "1.00", "asset": "EUR"},
    ]


async def test_the_list_tells_how_far_it_looked(tenant: Tenant) -> None:
    await tenant.posted(sale())
    page = document(await tenant.get("/events?type=ledger.changed"))
    assert page == {"data": [], "has_more": False, "through": 5}
    page = document(await tenant.get("/events?type=account.opened&limit=1"))
    assert ([event["sequence"] for event in page["data"]], page["has_more"], page["through"]) == ([3], True, 3)


@pytest.mark.parametrize("query", ["type=a.b", "type[in]=transaction.posted,", "account=a::b", "after=-1", "types=x"])
async def test_what_cannot_be_asked_for_is_refused_before_anything_is_sent(tenant: Tenant, query: str) -> None:
    answer = await tenant.get(f"/events?{query}", headers=EVENTS)
    assert answer.status_code in (400, 422)
    problem(answer, answer.status_code, "unknown-parameter" if query == "types=x" else "validation-failed")


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "٣", "9" * 30])
async def test_a_last_event_that_is_none_is_refused(tenant: Tenant, last: str) -> None:
    headers = [(b"Accept", b"text/event-stream"), (b"Last-Event-ID", last.encode())]
    problem(await tenant.get("/events", headers=headers), 422, "validation-failed")


async def test_who_may_not_follow_is_told_as_anywhere(tenant: Tenant, client: AsyncClient) -> None:
    problem(await client.get(tenant.path("/events"), headers=EVENTS), 401, "not-authenticated")
    problem(await tenant.client.get("/v1/ledgers/nowhere/events", headers=EVENTS), 404, "ledger-not-found")


async def test_another_organisation_hears_nothing(url: str, tenant: Tenant, new_organisation: NewOrganisation) -> None:
    other = await new_organisation()  # with a ledger of the same name
    async with event_source(url, other.key, after=0) as source:
        (created,) = await source.take(1)
        await post(url, tenant)
        await post(url, other)
        heard = [created, *await source.take(4)]
    assert [event.data for event in heard] == await listed(other)


async def test_a_revoked_key_follows_no_longer(url: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "CHECK_SECONDS", 0.05)
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "leaked"}), 201)
    async with event_source(url, made["key"]) as source:
        revoked = await tenant.client.delete(f"/v1/api-keys/{made['id']}")
        assert revoked.status_code == 204
        (last,) = await source.rest(6)
    assert (last.type, last.data["code"], last.data["status"]) == ("problem", "not-authenticated", 401)


async def test_a_quiet_stream_says_now_and_then_where_to_go_on_from(
    url: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_SECONDS", 0.05)
    async with event_source(url, tenant.key, type="ledger.changed") as source:
        waiting = asyncio.create_task(source.next())
        await post(url, tenant)
        deadline = time.monotonic() + 5
        while source.last_id != "5":
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        waiting.cancel()


@pytest.mark.parametrize("has_redis", [True, False])
async def test_what_another_server_writes_comes_too(
    services: Services,
    settings: Settings,
    postgres_url: str,
    tenant: Tenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_redis: bool,
) -> None:
    redis = RedisServer(tmp_path)
    if has_redis:
        redis.start()
        # Nobody looks by itself: what comes is what was told.
        monkeypatch.setattr(relay, "LOOK_SECONDS", 3_600)
    try:
        async with AsyncExitStack() as stack:
            urls = []
            for _ in range(2):
                container = await stack.enter_async_context(opened(settings, ServerUrls(postgres_url, redis.url)))
                urls.append(await stack.enter_async_context(served(create_app(container.services()))))
            deadline = time.monotonic() + 5
            while has_redis and redis.subscribers(CHANNEL) < 2:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            source = await stack.enter_async_context(event_source(urls[1], tenant.key))
            for _ in range(3):
                await post(urls[0], tenant)
                committed = time.monotonic()
                while (await source.next()).type != "transaction.posted":
                    pass
                assert has_redis or time.monotonic() < committed + 2.5
    finally:
        if has_redis:
            redis.kill()


async def test_a_server_that_stops_ends_its_streams_at_once(server_process: ServerProcess, tenant: Tenant) -> None:
    async with event_source(server_process.url, tenant.key, after=0) as source:
        await source.next()
        began = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(server_process.stop))
        await source.rest()
        await stopping
        assert time.monotonic() < began + 2.5
    server_process.start()
    await post(server_process.url, tenant)
    async with event_source(server_process.url, tenant.key, last=source.last_id) as again:
        assert (await again.next()).id == "2"

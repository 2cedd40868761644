"""Rate limits: what they count, what their headers say, and that they hold without Redis."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from entrypoints.container import Services
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import made_organisation
from tests.entrypoints.http.guarded import Guarded, any_address, guarded
from tests.entrypoints.http.tenant import document, problem, sale
from tests.redis_server import RedisServer

NewGuarded = Callable[..., Awaitable[Guarded]]


@pytest.fixture
async def new_guarded(
    settings: Settings, services: Services, postgres_url: str, redis_url: str
) -> AsyncIterator[NewGuarded]:
    """A way to open a server with settings of its own."""
    async with AsyncExitStack() as stack:

        async def make(redis: str | None = None, **changes: Any) -> Guarded:
            return await stack.enter_async_context(guarded(settings, postgres_url, redis or redis_url, **changes))

        yield make


async def test_an_answer_says_what_is_allowed_and_what_is_left(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_address=50, rate_limit_caller=10, rate_limit_organisation=20)
    client = server.client()
    for count in range(1, 4):
        response = await client.get("/v1/ledgers")
        policies = response.headers["ratelimit-policy"]
        assert policies == '"address";q=50;w=60, "caller";q=10;w=60, "organisation";q=20;w=60'
        left = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', response.headers["ratelimit"])
        assert [(name, int(rest)) for name, rest, _ in left] == [
            ("address", 50 - count),
            ("caller", 10 - count),
            ("organisation", 20 - count),
        ]
        assert all(50 < int(seconds) <= 60 for *_, seconds in left)


async def test_one_too_many_is_told_when_to_come_again(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_caller=3)
    client = server.client()
    for _ in range(3):
        document(await client.get("/v1/ledgers"))
    response = await client.get("/v1/ledgers")
    told = problem(response, 429, "rate-limited")
    assert told["policy"] == "caller"
    assert "At most 3 requests a minute of one user, API key or OAuth client." in told["detail"]
    assert 50 < int(response.headers["retry-after"]) <= 60
    assert '"caller";r=0;t=' in response.headers["ratelimit"]
    # Also where the framework is not asked, and where a body comes along.
    problem(await client.post("/v1/ledgers/main/transactions", json=sale()), 429, "rate-limited")
    problem(await client.post("/v1/ledgers", json={"slug": "other"}), 429, "rate-limited")


async def test_a_route_with_a_body_counts_once_and_so_does_a_stream(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_caller=10)
    client = server.client()
    lines = "\n".join(['{"entries": []}'] * 50)
    await client.post("/v1/ledgers", json={"slug": "other"})
    streamed = await client.post(
        "/v1/ledgers/main/transactions/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    assert len(streamed.text.splitlines()) == 50
    assert '"caller";r=7;' in (await client.get("/v1/ledgers")).headers["ratelimit"]


async def test_callers_of_one_organisation_share_its_quota_and_others_do_not(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_organisation=4)
    first = server.client()
    made = document(await first.post("/v1/api-keys", json={"name": "second"}), 201)
    second = server.client(key=made["key"])
    for client in (first, second, first):
        document(await client.get("/v1/ledgers"))
    for client in (first, second):
        assert problem(await client.get("/v1/ledgers"), 429, "rate-limited")["policy"] == "organisation"
    # It is the organisation's own: another one's caller goes on.
    other = await new_guarded(rate_limit_organisation=4)
    document(await other.client().get("/v1/ledgers"))


async def test_an_address_is_limited_whoever_asks_and_whatever_for(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_address=4)
    address = any_address()
    nobody = server.client(address, headers={"Authorization": ""})
    for path in ("/nowhere", "/v1/ledgers", "/docs", "/problems"):
        assert (await nobody.get(path)).status_code != 429
    for client in (nobody, server.client(address)):
        told = problem(await client.get("/v1/ledgers"), 429, "rate-limited")
        assert told["policy"] == "address"
    assert (await nobody.get("/health/live")).status_code == 200, "who looks after the server may always ask"
    document(await server.client().get("/v1/ledgers"))


async def test_addresses_of_one_ipv6_network_are_one(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_address=2)
    network = f"2001:db8:{any_address().encode().hex()[-4:]}:1"
    for host in ("::1", "::2"):
        document(await server.client(network + host).get("/v1/ledgers"))
    problem(await server.client(network + "::3").get("/v1/ledgers"), 429, "rate-limited")


async def test_refused_credentials_are_limited_and_good_ones_go_on(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_failures=3)
    address = any_address()
    good = server.client(address)
    document(await good.get("/v1/ledgers"))
    bad = server.client(address, key="ptk_1_of-nobody")
    for _ in range(3):
        problem(await bad.get("/v1/ledgers"), 401, "not-authenticated")
    for _ in range(3):
        assert problem(await bad.get("/v1/ledgers"), 429, "rate-limited")["policy"] == "failures"
    document(await good.get("/v1/ledgers"))
    # One that nobody has seen lately is not looked up for this address, and is elsewhere.
    made = document(await good.post("/v1/api-keys", json={"name": "new"}), 201)
    problem(await server.client(address, key=made["key"]).get("/v1/ledgers"), 429, "rate-limited")
    document(await server.client(key=made["key"]).get("/v1/ledgers"))


async def test_without_limits_nothing_is_said_of_them(new_guarded: NewGuarded) -> None:
    server = await new_guarded(rate_limit_address=0, rate_limit_caller=0, rate_limit_organisation=0)
    response = await server.client().get("/v1/ledgers")
    document(response)
    assert not [name for name in response.headers if name.startswith("ratelimit")]


async def test_servers_share_what_is_left_over_redis_and_go_on_by_themselves_without(
    new_guarded: NewGuarded, tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    try:
        one, other = [await new_guarded(redis.url, rate_limit_caller=4) for _ in range(2)]
        here, there = one.client(), other.client(key=one.key)
        for client in (here, there, here, there):
            document(await client.get("/v1/ledgers"))
        for client in (here, there):
            problem(await client.get("/v1/ledgers"), 429, "rate-limited")
        redis.halt()
        fresh = document(await other.client().post("/v1/api-keys", json={"name": "fresh"}), 201)["key"]
        began = time.monotonic()
        client = other.client(key=fresh)
        answers = [(await client.get("/v1/ledgers")).status_code for _ in range(6)]
        assert answers == [200, 200, 200, 200, 429, 429]
        assert time.monotonic() < began + 1, "a Redis that hangs is waited for once, and for a moment"
        problem(await here.get("/v1/ledgers"), 429, "rate-limited")
        redis.go_on()
        deadline = time.monotonic() + 5
        while one.services.counting.is_by_itself or other.services.counting.is_by_itself:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        _, shared = await made_organisation(one.services)
        here, there = one.client(key=shared), other.client(key=shared)
        answers = [(await client.get("/v1/ledgers")).status_code for client in (here, there, here, there, here, there)]
        assert answers == [200, 200, 200, 200, 429, 429]
    finally:
        redis.go_on()
        redis.kill()


async def test_no_e_mail_address_stands_in_redis(new_guarded: NewGuarded, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        attempts = (await new_guarded(server.url, rate_limit_email=2)).services.attempts
        await attempts.admit("log-in", None, "someone@example.com")
        await attempts.admit("reset", None, "someone@example.com", is_mailed=True)
        with redis_client.Redis.from_url(server.url) as client:
            keys = [key.decode() for key in client.scan_iter("*attempts*")]
        assert len(keys) == 3
        for key in keys:
            assert "someone" not in key
            assert "example" not in key
    finally:
        server.kill()

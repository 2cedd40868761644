"""Permits counted in a real Redis, which goes away, hangs and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import redis

from adapters.redis.permits import RedisPermits
from application.shared.ports import Rule, StoreUnavailable
from application.shared.rate_limits import Counting, RateLimiter
from domain.shared.errors import RateLimited
from tests.redis_server import RedisServer

RULE = Rule("caller", "Requests", 10)


@pytest.fixture
async def permits(own_redis: RedisServer) -> AsyncIterator[RedisPermits]:
    made = RedisPermits(own_redis.url)
    yield made
    await made.close()


async def test_permits_are_counted_for_all_servers(permits: RedisPermits, own_redis: RedisServer) -> None:
    other = RedisPermits(own_redis.url)
    first = await permits.take(RULE, "a", 4)
    assert (first.count, first.left, first.frees_seconds) == (4, 6, 0)
    assert 59 < first.ends_seconds <= 60
    second = await other.take(RULE, "a", 5)
    assert (second.count, second.left) == (5, 1)
    assert (await permits.take(RULE, "a", 5)).count == 1, "one, where there are not so many"
    refused = await other.take(RULE, "a", 1)
    assert (refused.count, refused.left) == (0, 0)
    assert 58 < refused.frees_seconds <= 60
    assert (await permits.take(RULE, "b", 5)).count == 5
    assert (await permits.take(Rule("address", "Requests", 10), "a", 5)).count == 5
    await other.close()


async def test_the_window_slides_in_redis(permits: RedisPermits) -> None:
    rule = Rule("caller", "Requests", 10, window_seconds=1)
    assert (await permits.take(rule, "a", 10)).count == 10
    refused = await permits.take(rule, "a", 1)
    assert refused.count == 0
    await asyncio.sleep(refused.frees_seconds + 0.15)
    # Room for one comes after the whole window; all of the last ten are in sight still, but for a tenth or two.
    assert (await permits.take(rule, "a", 1)).count >= 1
    assert (await permits.take(rule, "a", 9)).count <= 1


async def test_what_redis_keeps_of_a_limit_lapses(permits: RedisPermits, own_redis: RedisServer) -> None:
    await permits.take(RULE, "a", 1)
    with redis.Redis.from_url(own_redis.url) as client:
        keys = list(client.scan_iter("*"))
        assert keys
        assert all(0 < client.ttl(key) <= 120 for key in keys)
        assert all(key.startswith(b"partita:limits") for key in keys)


@pytest.mark.parametrize("harm", [RedisServer.kill, RedisServer.halt])
async def test_a_redis_that_is_away_or_hangs_is_waited_for_once_and_counts_again_when_it_is_back(
    permits: RedisPermits, own_redis: RedisServer, harm: Callable[[RedisServer], None]
) -> None:
    counting = Counting(permits, probe_seconds=0.02)
    limiter = RateLimiter(RULE, counting)
    await limiter.take("a")
    harm(own_redis)
    with pytest.raises(StoreUnavailable):
        await permits.take(RULE, "b", 1)
    began = time.monotonic()
    for name in range(50):
        await limiter.take(name)
    assert time.monotonic() < began + 0.6, "one of them waited"
    for _ in range(9):
        await limiter.take("a")
    with pytest.raises(RateLimited):
        await limiter.take("a")
    own_redis.ensure()
    deadline = time.monotonic() + 3
    with redis.Redis.from_url(own_redis.url) as client:
        number = 0
        while not client.dbsize():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
            number += 1
            await limiter.take(f"after {number}")
    await counting.stop()


async def test_waiting_for_redis_ends_when_the_server_does(permits: RedisPermits, own_redis: RedisServer) -> None:
    own_redis.halt()
    counting = Counting(permits, probe_seconds=0)
    await RateLimiter(RULE, counting).take("a")
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await counting.stop()
    assert time.monotonic() < began + 0.2
    own_redis.go_on()

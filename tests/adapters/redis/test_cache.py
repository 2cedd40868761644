"""The cache in a real Redis, which goes away, hangs, is full, and holds what others have put there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import redis
from redis.asyncio import Connection

from adapters.redis.cache import LEFT_ALONE_SECONDS, PREFIX, RedisCache
from application.shared.ports import CACHED_BYTES_MAX
from tests.application.seconds import Seconds
from tests.redis_server import RedisServer


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def cache(own_redis: RedisServer, seconds: Seconds) -> AsyncIterator[RedisCache]:
    made = RedisCache(own_redis.url, seconds=seconds)
    yield made
    await made.close()


async def test_what_is_put_there_is_found_by_its_name_for_a_while(cache: RedisCache, own_redis: RedisServer) -> None:
    other = RedisCache(own_redis.url)
    await cache.put(b"name", b"\x00value\xff", seconds=60)
    assert await other.get(b"name") == b"\x00value\xff"
    assert await other.get(b"another") is None
    with redis.Redis.from_url(own_redis.url) as client:
        assert client.keys() == [PREFIX + b"name"]
        assert 50 < int(client.ttl(PREFIX + b"name")) <= 60
        client.flushall()
    assert await other.get(b"name") is None
    await other.close()


@pytest.mark.parametrize("harm", [RedisServer.kill, RedisServer.halt])
async def test_a_redis_that_is_away_or_hangs_costs_one_wait_a_second_and_is_used_again_when_it_is_back(
    cache: RedisCache,
    own_redis: RedisServer,
    seconds: Seconds,
    harm: Callable[[RedisServer], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO, "partita.cache")
    attempts = 0
    connect: Callable[[Connection], Awaitable[None]] = Connection._connect

    async def counted(connection: Connection) -> None:
        nonlocal attempts
        attempts += 1
        await connect(connection)

    await cache.put(b"name", b"value", seconds=60)
    harm(own_redis)
    assert await cache.get(b"name") is None
    monkeypatch.setattr(Connection, "_connect", counted)
    for _ in range(100):
        assert await cache.get(b"name") is None
        await cache.put(b"name", b"value", seconds=60)
    assert attempts == 0
    # Of many who come after a second, one finds out that it is still away.
    seconds.passed += LEFT_ALONE_SECONDS
    assert await asyncio.gather(*[cache.get(b"name") for _ in range(100)]) == [None] * 100
    assert attempts == 1
    own_redis.ensure()
    assert await cache.get(b"name") is None
    seconds.passed += LEFT_ALONE_SECONDS
    await cache.put(b"name", b"value", seconds=60)
    assert await cache.get(b"name") == b"value"
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "answers are worked out anew each time, as Redis does not answer"
    ]


async def test_a_full_redis_keeps_no_more_and_gives_what_it_has(
    cache: RedisCache, own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    await cache.put(b"old", b"value", seconds=60)
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", "1")
        try:
            for number in range(3):
                await cache.put(b"new%d" % number, b"value", seconds=60)
            assert await cache.get(b"new0") is None
            assert await cache.get(b"old") == b"value"
        finally:
            client.config_set("maxmemory", "0")
    await cache.put(b"new0", b"value", seconds=60)
    assert await cache.get(b"new0") == b"value"
    assert len(caplog.records) == 1, "it is told once"


async def test_what_others_put_there_is_given_back_or_nothing_is(cache: RedisCache, own_redis: RedisServer) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.rpush(PREFIX + b"list", b"value")
        client.set(PREFIX + b"empty", b"")
        client.set(PREFIX + b"long", bytes(CACHED_BYTES_MAX + 1000))
    assert await cache.get(b"list") is None
    assert await cache.get(b"empty") is None
    assert await cache.get(b"long") == bytes(CACHED_BYTES_MAX), "no more of it is read than may have been written"


async def test_what_is_too_long_is_not_kept(cache: RedisCache) -> None:
    await cache.put(b"name", bytes(CACHED_BYTES_MAX + 1), seconds=60)
    assert await cache.get(b"name") is None
    await cache.put(b"name", bytes(CACHED_BYTES_MAX), seconds=60)
    assert await cache.get(b"name") == bytes(CACHED_BYTES_MAX)


async def test_a_server_writes_so_much_in_five_minutes_and_no_more(own_redis: RedisServer, seconds: Seconds) -> None:
    cache = RedisCache(own_redis.url, seconds=seconds, bytes_max=100)
    await cache.put(b"one", bytes(60), seconds=60)
    await cache.put(b"two", bytes(60), seconds=60)
    assert await cache.get(b"one") == bytes(60)
    assert await cache.get(b"two") is None
    seconds.passed += 600
    await cache.put(b"two", bytes(60), seconds=60)
    assert await cache.get(b"two") == bytes(60)
    await cache.close()


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$99999999999999999999\r\n", b"\x00\xff" * 100, b""]
)
async def test_what_is_no_redis_at_all_gives_nothing(said: bytes) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        cache = RedisCache(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        assert await cache.get(b"name") is None
        await cache.put(b"name", b"value", seconds=60)
        await cache.close()

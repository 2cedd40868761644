"""Wake-ups, over a real Redis that goes away and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis

from adapters.redis.channels import RedisChannels
from adapters.redis.wake_ups import CHANNEL, RedisWakeUps
from application.ledger.ports import LedgerAddress
from tests.redis_server import RedisServer, until

MAIN, OTHER = LedgerAddress(1, "main"), LedgerAddress(2, "main")


class Server:
    """What one server has heard."""

    def __init__(self, url: str) -> None:
        self.heard: list[tuple[LedgerAddress, int]] = []
        self.channels = RedisChannels(url)
        self.wake_ups = RedisWakeUps(self.channels)
        self.wake_ups.listen(lambda ledger, sequence: self.heard.append((ledger, sequence)))


@asynccontextmanager
async def listening(redis_server: RedisServer, count: int) -> AsyncIterator[list[Server]]:
    servers = [Server(redis_server.url) for _ in range(count)]
    for server in servers:
        server.channels.start()
    await until(lambda: redis_server.subscribers(CHANNEL) == count)
    try:
        yield servers
    finally:
        for server in servers:
            await server.wake_ups.close()
            await server.channels.stop()
            await server.channels.close()


async def test_what_one_server_tells_all_hear(own_redis: RedisServer) -> None:
    async with listening(own_redis, 3) as servers:
        servers[0].wake_ups.announce(MAIN, 7)
        servers[0].wake_ups.announce(OTHER, 2)
        await until(lambda: all(server.heard == [(MAIN, 7), (OTHER, 2)] for server in servers), seconds=1)
        await until(lambda: all(server.wake_ups.heard_since for server in servers))


async def test_of_many_at_once_the_last_is_told(own_redis: RedisServer) -> None:
    async with listening(own_redis, 1) as (server,):
        for sequence in range(1, 1001):
            server.wake_ups.announce(MAIN, sequence)
        await until(lambda: bool(server.heard) and server.heard[-1] == (MAIN, 1000), seconds=1)
        assert len(server.heard) < 10


@pytest.mark.parametrize("harm", [RedisServer.kill, RedisServer.halt])
async def test_nobody_waits_while_redis_is_away_and_the_last_is_told_when_it_is_back(
    own_redis: RedisServer, harm: Callable[[RedisServer], None]
) -> None:
    async with listening(own_redis, 2) as (one, other):
        await until(lambda: other.wake_ups.heard_since is not None)
        harmed = time.monotonic()
        harm(own_redis)
        began = time.monotonic()
        for sequence in range(100):
            one.wake_ups.announce(MAIN, sequence)
        assert time.monotonic() < began + 0.5
        await asyncio.sleep(0.1)
        own_redis.ensure()
        await until(lambda: own_redis.subscribers(CHANNEL) == 2)
        # What was told last is told again, if nobody may have heard it.
        await until(lambda: (MAIN, 99) in other.heard)
        if harm is RedisServer.kill:
            # What else was told meanwhile may have been missed, and it says so.
            await until(lambda: (other.wake_ups.heard_since or 0) > harmed)


async def test_nonsense_on_the_channel_does_no_harm(own_redis: RedisServer) -> None:
    async with listening(own_redis, 1) as (server,):
        with redis.Redis.from_url(own_redis.url) as client:
            for nonsense in (b"\xff\xfe", b"", b"1 main", b"x main 3", b"1 main \xd9\xa3x", b"1 main " + b"9" * 5_000):
                client.publish(CHANNEL, nonsense)
        server.wake_ups.announce(MAIN, 1)
        await until(lambda: server.heard == [(MAIN, 1)], seconds=1)

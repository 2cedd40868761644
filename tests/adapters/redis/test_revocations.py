"""The news of revocations, over a real Redis that goes away and comes back."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis

from adapters.redis.channels import RedisChannels
from adapters.redis.revocations import CHANNEL, RedisRevocations
from tests.redis_server import RedisServer, until


class Listener:
    """What one server has heard."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.heard: list[str] = []
        self.channels = RedisChannels(url, **settings)
        self.revocations = RedisRevocations(self.channels, lambda *names: self.heard.extend(names))


@asynccontextmanager
async def listening(server: RedisServer, count: int) -> AsyncIterator[list[Listener]]:
    listeners = [Listener(server.url) for _ in range(count)]
    for listener in listeners:
        listener.channels.start()
    await until(lambda: server.subscribers(CHANNEL) == count)
    try:
        yield listeners
    finally:
        for listener in listeners:
            await listener.channels.stop()
            await listener.channels.close()


async def test_what_one_server_announces_all_servers_forget(own_redis: RedisServer) -> None:
    async with listening(own_redis, 3) as (one, *others):
        await one.revocations.announce("ses_1", "usr_2")
        assert one.heard[:2] == ["ses_1", "usr_2"], "itself at once"
        await until(lambda: all(other.heard == ["ses_1", "usr_2"] for other in others), seconds=1)


async def test_news_are_heard_again_after_redis_was_away(own_redis: RedisServer) -> None:
    async with listening(own_redis, 2) as (one, other):
        own_redis.kill()
        await one.revocations.announce("key_1")
        assert one.heard == ["key_1"]
        own_redis.start()
        await until(lambda: own_redis.subscribers(CHANNEL) == 2)
        await one.revocations.announce("key_2")
        await until(lambda: other.heard == ["key_2"], seconds=1)


@pytest.mark.parametrize("harm", [RedisServer.kill, RedisServer.halt])
async def test_that_nothing_is_heard_is_told_when_it_lasts(
    own_redis: RedisServer, harm: Callable[[RedisServer], None], caplog: pytest.LogCaptureFixture
) -> None:
    harm(own_redis)
    patient, impatient = Listener(own_redis.url), Listener(own_redis.url, told_after_seconds=0.5)
    for listener in (patient, impatient):
        listener.channels.start()
    try:
        await until(lambda: "not heard" in caplog.text)
        assert caplog.text.count("not heard") == 1, "by the one that does not wait so long"
        own_redis.ensure()
        await until(lambda: own_redis.subscribers(CHANNEL) == 2)
        assert caplog.text.count("not heard") == 1, "and once"
    finally:
        own_redis.ensure()
        for listener in (patient, impatient):
            await listener.channels.stop()
            await listener.channels.close()


@pytest.mark.parametrize("harm", [RedisServer.kill, RedisServer.halt])
async def test_announcing_neither_fails_nor_waits_long_without_redis(
    own_redis: RedisServer, harm: Callable[[RedisServer], None], caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(own_redis, 1) as (one,):
        harm(own_redis)
        began = time.monotonic()
        await one.revocations.announce("key_1")
        assert time.monotonic() < began + 1.5
        assert one.heard == ["key_1"]
        assert "key_1" in caplog.text
        own_redis.ensure()


async def test_listening_ends_whatever_redis_does(own_redis: RedisServer) -> None:
    async with listening(own_redis, 1) as (one,):
        own_redis.halt()
        began = time.monotonic()
        await one.channels.stop()
        assert time.monotonic() < began + 1
        own_redis.go_on()


async def test_what_is_no_id_on_the_channel_does_no_harm(own_redis: RedisServer) -> None:
    async with listening(own_redis, 1) as (one,):
        with redis.Redis.from_url(own_redis.url) as client:
            client.publish(CHANNEL, b"\xff\xfe")
            client.publish(CHANNEL, b"")
        await one.revocations.announce("key_1")
        await until(lambda: one.heard.count("key_1") == 2)

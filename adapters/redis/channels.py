"""Channels of Redis: what servers tell each other at once, and nobody keeps."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from time import monotonic
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from application.shared.ongoing import Ongoing
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from application.shared.telling import Outage

TIMEOUT_SECONDS: Final = 0.5
FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 2.0
SIGN_OF_LIFE_SECONDS: Final = 5
# What passes sooner than that is no news: Redis answered late, as at the start of a busy machine.
TOLD_AFTER_SECONDS: Final = 3.0

_log = logging.getLogger("partita.redis")

Hear = Callable[[bytes], None]


class RedisChannels(Ongoing):
    """Publishes on channels, and listens to them over one connection, which is made anew whenever it is lost.

    Redis keeps nothing of what goes over a channel: who does not listen at that moment never hears it. So nothing may
    rest on it; it only makes quick what would otherwise come later.
    """

    def __init__(
        self, url: str, *, told_after_seconds: float = TOLD_AFTER_SECONDS, telemetry: Telemetry = UNWATCHED
    ) -> None:
        """That nothing is heard is told in the log once it has lasted so long."""
        self._away = Outage(
            _log,
            "other servers are not heard; what they tell holds in five seconds: %s",
            after_seconds=told_after_seconds,
        )
        self._telemetry = telemetry
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_keepalive=True,
            health_check_interval=SIGN_OF_LIFE_SECONDS,
        )
        self._hearers: dict[str, Hear] = {}
        # Since when all that is told is heard, by `monotonic`; what was told before may have been missed.
        self.heard_since: float | None = None

    def on(self, channel: str, hear: Hear) -> None:
        """Call `hear` with whatever comes over the channel; to be said before listening begins."""
        assert self._going is None, "it listens already"
        self._hearers[channel] = hear

    async def publish(self, *messages: tuple[str, str]) -> None:
        """Send each text over its channel, in order. Raises `RedisError`, `OSError`."""
        with self._telemetry.span(Kind.REDIS, "redis publish", call="publish"):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for channel, text in messages:
                    pipeline.publish(channel, text)
                await pipeline.execute()

    async def stop(self) -> None:
        """Listen no more."""
        await super().stop()
        self.heard_since = None

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    def _tell(self, channel: str, data: bytes) -> None:
        try:
            self._hearers[channel](data)
        except Exception:  # what one message does must not keep all others from being heard
            _log.exception("a message on the channel %s was not understood", channel)

    async def _go_on(self) -> None:
        """Subscribe, and again whenever the connection is lost, after a pause that grows while it is in vain."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with aclosing(self._redis.pubsub()) as subscription:
                    await subscription.subscribe(*self._hearers)
                    while True:
                        message = await subscription.get_message(timeout=SIGN_OF_LIFE_SECONDS)
                        self.heard_since = self.heard_since or monotonic()
                        pause_seconds = FIRST_PAUSE_SECONDS
                        self._away.is_over()
                        if message is not None and message["type"] == "message":
                            self._tell(message["channel"].decode(), message["data"])
            except (RedisError, OSError) as error:
                self.heard_since = None
                self._away.goes_on(error)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LAST_PAUSE_SECONDS)

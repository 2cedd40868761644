"""The news of revocations, over a channel of Redis."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from time import monotonic
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL: Final = "partita:revocations"
TIMEOUT_SECONDS: Final = 0.5
FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 2.0
SIGN_OF_LIFE_SECONDS: Final = 5
STOP_SECONDS: Final = 2.0
# What passes sooner than that is no news: Redis answered late, as at the start of a busy machine.
TOLD_AFTER_SECONDS: Final = 3.0

_log = logging.getLogger("partita.revocations")


class RedisRevocations:
    """Announces revocations to all servers, and calls `forget` for all that any of them announces.

    Redis keeps nothing of it: who does not listen at that moment never hears it, and relies on what it remembers being
    short-lived. The channel carries ids alone, and whoever could write to it could make servers look things up anew.
    """

    def __init__(
        self, url: str, forget: Callable[..., None], *, told_after_seconds: float = TOLD_AFTER_SECONDS
    ) -> None:
        """That nothing is heard is told in the log once it has lasted so long."""
        self._told_after_seconds = told_after_seconds
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_keepalive=True,
            health_check_interval=SIGN_OF_LIFE_SECONDS,
        )
        self._forget = forget
        self._listening: asyncio.Task[None] | None = None

    async def announce(self, *names: str) -> None:
        if not names:
            return
        self._forget(*names)
        try:
            await self._redis.publish(CHANNEL, " ".join(names))
        except (RedisError, OSError) as error:
            _log.warning("other servers look up %s only when their memory of it ends: %s", ", ".join(names), error)

    def start(self) -> None:
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="revocations")

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening], timeout=STOP_SECONDS)
            self._listening = None

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def _listen(self) -> None:
        """Subscribe, and again whenever the connection is lost, after a pause that grows while it is in vain."""
        pause_seconds = FIRST_PAUSE_SECONDS
        lost_at: float | None = None
        has_told = False
        while True:
            try:
                async with aclosing(self._redis.pubsub(ignore_subscribe_messages=True)) as subscription:
                    await subscription.subscribe(CHANNEL)
                    while True:
                        message = await subscription.get_message(timeout=SIGN_OF_LIFE_SECONDS)
                        pause_seconds, lost_at, has_told = FIRST_PAUSE_SECONDS, None, False
                        if message is not None:
                            self._hear(message["data"])
            except (RedisError, OSError) as error:
                lost_at = lost_at or monotonic()
                if not has_told and monotonic() >= lost_at + self._told_after_seconds:
                    _log.warning("revocations by other servers are not heard of, and hold in five seconds: %s", error)
                    has_told = True
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LAST_PAUSE_SECONDS)

    def _hear(self, data: bytes) -> None:
        self._forget(*data.decode("utf-8", "replace").split())

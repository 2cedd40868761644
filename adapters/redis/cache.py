"""The cache in Redis, which may be away, hang, be full, or hold what we did not put there."""

import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError

from application.shared.ports import CACHED_BYTES_MAX
from application.shared.rate_limits import Window
from application.shared.telemetry import UNWATCHED, Kind, Telemetry

PREFIX: Final = b"partita:cache:"
TIMEOUT_SECONDS: Final = 0.25
LEFT_ALONE_SECONDS: Final = 1.0
CONNECTIONS_MAX: Final = 20
# So much is written by one server in any five minutes, which is how long answers are kept: so they cannot fill Redis.
WRITTEN_BYTES_MAX: Final = 64 * 1024 * 1024
WRITTEN_SECONDS: Final = 300

_log = logging.getLogger("partita.cache")


class RedisCache:
    """Keeps values in Redis for a while.

    A Redis that fails is left alone for a second, in which everyone does without. Then one asks it again, and only once
    it has answered do the others.
    """

    def __init__(
        self,
        url: str,
        *,
        seconds: Callable[[], float] = monotonic,
        bytes_max: int = WRITTEN_BYTES_MAX,
        telemetry: Telemetry = UNWATCHED,
    ) -> None:
        """`seconds` is a clock that never jumps; at most `bytes_max` bytes are written in any five minutes."""
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        self._redis = Redis(connection_pool=self._pool)
        self._seconds = seconds
        self._bytes_max = bytes_max
        self._telemetry = telemetry
        self._written = Window(WRITTEN_SECONDS, seconds())
        self._is_away = False
        self._is_refused = False
        self._again_at = seconds()

    async def get(self, name: bytes) -> bytes | None:
        # No more is read than may have been written, whoever has written it.
        value = await self._ask("getrange", lambda: self._redis.getrange(PREFIX + name, 0, CACHED_BYTES_MAX - 1))
        return value if isinstance(value, bytes) and value else None

    async def put(self, name: bytes, value: bytes, *, seconds: int) -> None:
        size, now = len(value), self._seconds()
        if size > CACHED_BYTES_MAX or now < self._again_at:
            return
        if self._written.take(self._bytes_max, size, now).count < size:
            return
        if await self._ask("set", lambda: self._redis.set(PREFIX + name, value, ex=seconds)):
            self._is_refused = False

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _ask(self, call: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Return what Redis answers; None where it is left alone, fails or refuses."""
        now = self._seconds()
        if now < self._again_at:
            return None
        if self._is_away:
            self._again_at = now + LEFT_ALONE_SECONDS
        try:
            with self._telemetry.span(Kind.REDIS, f"redis {call}", call=call):
                answer = await ask()
        except ResponseError as refusal:
            # It is there, and full, or lets us do less than we need.
            if not self._is_refused:
                _log.warning("answers are not kept, as Redis refuses them: %s", refusal)
                self._is_refused = True
            return None
        except (RedisError, OSError) as error:
            self._again_at = self._seconds() + LEFT_ALONE_SECONDS
            if not self._is_away:
                _log.info("answers are worked out anew each time, as Redis does not answer: %s", error)
                self._is_away = True
            return None
        self._is_away = False
        self._again_at = now
        return answer

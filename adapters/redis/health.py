"""Whether Redis answers."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

TIMEOUT_SECONDS = 2.0


class RedisHealth:
    """Asks Redis for a sign of life."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)

    async def trouble(self) -> str | None:
        try:
            await self._redis.ping()
        except (RedisError, OSError):
            return "Redis does not answer."
        return None

    async def close(self) -> None:
        await self._redis.aclose()

"""Permits of rate limits, counted in Redis by a sliding window: what is in the last window counts in proportion."""

from typing import Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.exceptions import RedisError

from application.shared.ports import Rule, StoreUnavailable, Taken
from application.shared.rate_limits import frees_seconds
from application.shared.telemetry import UNWATCHED, Kind, Telemetry

# A request may wait for Redis so long, once; from then on it is done without, until Redis answers again.
TIMEOUT_SECONDS: Final = 0.25
CONNECTIONS_MAX: Final = 20


class RedisPermits:
    """Counts permits in Redis, with the scripts of the package `limits`."""

    def __init__(self, url: str, *, telemetry: Telemetry = UNWATCHED) -> None:
        self._telemetry = telemetry
        self._pool: ConnectionPool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        # The address is in the pool; the package only reads from this one which client to use.
        self._storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="partita:limits",
            connection_pool=self._pool,  # type: ignore[arg-type] # as its documentation has it
        )
        self._strategy = SlidingWindowCounterRateLimiter(self._storage)

    async def take(self, rule: Rule, name: str, count: int) -> Taken:
        item = RateLimitItemPerSecond(rule.quota, rule.window_seconds, namespace=rule.policy)
        try:
            with self._telemetry.span(Kind.REDIS, "redis permits", call="permits"):
                is_given = await self._strategy.hit(item, name, cost=count)
                if not is_given and count > 1:
                    count = 1
                    is_given = await self._strategy.hit(item, name)
                found = await self._storage.get_sliding_window(item.key_for(name), item.get_expiry())
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"Redis does not answer: {error}") from error
        last, in_sight, now_counted, ends = found
        used = int(last * in_sight / rule.window_seconds) + now_counted
        # A counter outlives its window by another, in which it is the last one.
        ends = max(0.0, ends - rule.window_seconds)
        # Without a last window in sight, all of this one may still go by before any of it goes out of sight.
        frees = frees_seconds(rule.quota, rule.window_seconds, last, now_counted, in_sight if last else ends)
        return Taken(count if is_given else 0, max(0, rule.quota - used), frees, ends)

    async def is_there(self) -> bool:
        try:
            await Redis(connection_pool=self._pool).ping()
        except (RedisError, OSError):
            return False
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

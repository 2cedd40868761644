"""Rate limits: how much may come from one address, one caller or one organisation in a time.

What was taken is counted in a store that all servers share. So that a busy name does not ask it at every request, a
server leases permits from it: about as many as it gave out in the last half second, a small part of all that are
allowed. While the store is away, each server counts by itself.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Final

from application.shared.ports import Permits, Rule, StoreUnavailable, Taken
from application.shared.telling import Outage
from domain.shared.errors import RateLimited

# A lease is at most this part of the quota, and at least that, and is used within so many seconds or is lost: so
# leases make no limit wrong by more than a hundredth for each server.
LEASE_SHARE_MAX: Final = 120
LEASE_SHARE_MIN: Final = 10_000
LEASE_SECONDS: Final = 5.0
PACE_SECONDS: Final = 0.5
METERS_MAX: Final = 10_000
PROBE_SECONDS: Final = 1.0
# What passes sooner than that is no news: a store that answered late, as at the start of a busy machine.
TOLD_AFTER_SECONDS: Final = 3.0
STOP_AGAIN_SECONDS: Final = 0.1
REFUSED_SECONDS_MIN: Final = 0.05
_TOGETHER: Final = "all others"

_log = logging.getLogger("partita.rate-limits")


class Window:
    """A sliding window, counted here: what the last window had counts in proportion to what is still in sight of it."""

    __slots__ = ("_began", "_count", "_last", "_length")

    def __init__(self, length_seconds: int, now: float) -> None:
        self._length = length_seconds
        self._began = now
        self._count = 0
        self._last = 0

    def add(self, count: int, now: float) -> None:
        """Count permits that were taken elsewhere."""
        self._turn(now)
        self._count += count

    def take(self, quota: int, count: int, now: float) -> Taken:
        """Take so many permits, or as many as there are."""
        self._turn(now)
        in_sight = self._length - (now - self._began)
        used = math.floor(self._last * in_sight / self._length) + self._count
        given = max(0, min(count, quota - used))
        self._count += given
        return Taken(
            given,
            max(0, quota - used - given),
            frees_seconds(quota, self._length, self._last, self._count, in_sight),
            in_sight,
        )

    def is_over(self, now: float) -> bool:
        """Whether all that it has counted is out of sight."""
        return now >= self._began + 2 * self._length

    def _turn(self, now: float) -> None:
        passed = int((now - self._began) / self._length)
        if passed > 0:
            self._last = self._count if passed == 1 else 0
            self._count = 0
            self._began += passed * self._length


def frees_seconds(quota: int, length: int, last: int, count: int, in_sight: float) -> float:
    """Return in how many seconds a sliding window has room for one more, if nothing is added.

    It had `last` in the window before, of which `in_sight` seconds are left, and has `count` in this one.
    """
    if count < quota:
        # From then on less than `quota - count` of the last window are in sight.
        return max(0.0, in_sight - (quota - count) * length / last) if last else 0.0
    return in_sight + length * (1 - quota / count)


class Meter:
    """What is known here of one name under a rule. `permits` may be given out until `until` without asking anyone."""

    __slots__ = (
        "denied_until", "ends_at", "leased_at", "leasing", "left", "name", "permits", "rule", "size", "until", "window",
    )  # fmt: skip

    def __init__(self, rule: Rule, name: str, now: float) -> None:
        self.rule = rule
        self.name = name
        self.permits = 0
        self.until = self.denied_until = self.leased_at = self.ends_at = now
        self.left = rule.quota
        self.size = 0
        self.window = Window(rule.window_seconds, now)
        self.leasing: asyncio.Task[None] | None = None

    def next_size(self, now: float) -> int:
        """Return how many permits to lease: for half a second at the pace of the last lease, which it may double."""
        quota = self.rule.quota
        used = self.size - self.permits
        pace = used / max(now - self.leased_at, 0.001)
        least = max(1, quota // LEASE_SHARE_MIN)
        return max(least, min(math.ceil(pace * PACE_SECONDS), 2 * self.size, quota // LEASE_SHARE_MAX))

    def keep(self, taken: Taken, now: float) -> None:
        """Note what was leased."""
        self.size = self.permits = taken.count
        self.left = taken.left
        self.leased_at = now
        self.until = now + LEASE_SECONDS
        self.ends_at = now + taken.ends_seconds
        denied_seconds = max(REFUSED_SECONDS_MIN, min(taken.frees_seconds, self.rule.window_seconds))
        self.denied_until = now if taken.count else now + denied_seconds


class Counting:
    """Counts permits in the store while it answers, and here while it does not: so no request waits for it twice."""

    def __init__(
        self, store: Permits, *, probe_seconds: float = PROBE_SECONDS, told_after_seconds: float = TOLD_AFTER_SECONDS
    ) -> None:
        """A store that is away is told of in the log once it has been away for so long."""
        self._store = store
        self._probe_seconds = probe_seconds
        self._told_after_seconds = told_after_seconds
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_by_itself(self) -> bool:
        """Whether the store is done without at the moment."""
        return self._probing is not None

    async def take(self, meter: Meter, count: int, now: float) -> Taken:
        """Take permits for a meter."""
        if self._probing is None:
            try:
                taken = await self._store.take(meter.rule, meter.name, count)
            except StoreUnavailable as error:
                self._do_without(error)
            else:
                meter.window.add(taken.count, now)
                return taken
        return meter.window.take(meter.rule.quota, count, now)

    async def stop(self) -> None:
        """Wait for the store no more."""
        probing, self._probing = self._probing, None
        while probing is not None and not probing.done():
            # Again, where it is lost: what waits with a timeout may take a cancellation at that moment for its own.
            probing.cancel()
            await asyncio.wait([probing], timeout=STOP_AGAIN_SECONDS)

    def _do_without(self, error: StoreUnavailable) -> None:
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe(error), name="rate limits without store")

    async def _probe(self, error: StoreUnavailable) -> None:
        began = monotonic()
        away = Outage(
            _log,
            "each server applies rate limits by itself for now: %s",
            after_seconds=self._told_after_seconds,
        )
        away.goes_on(error)
        while True:
            await asyncio.sleep(self._probe_seconds)
            if await self._store.is_there():
                break
            away.goes_on(error)
        _log.log(
            logging.WARNING if away.is_told else logging.INFO,
            "rate limits are applied by all servers together again, after %.1f seconds",
            monotonic() - began,
        )
        self._probing = None


class RateLimiter:
    """Applies a rule to names. It remembers those that came last, a bounded number.

    While each server counts by itself, none is forgotten before its permits are free again: those for whom there is no
    room then are counted together, as one.
    """

    def __init__(self, rule: Rule, counting: Counting, *, seconds: Callable[[], float] = monotonic) -> None:
        self._rule = rule
        self._counting = counting
        self._seconds = seconds
        # The one that was used longest ago comes first, as far as using it took a lease.
        self._meters: dict[str | int, Meter] = {}
        # Of all names without a meter of their own, by quota.
        self._together: dict[int, Meter] = {}

    def ready(self, name: str | int, now: float, quota: int | None = None) -> Meter | None:
        """Return the name's meter if it has a permit, which the caller takes from it; None where that takes waiting.

        `quota` is the name's own, if it has one. Raises `RateLimited`.
        """
        meter = self._meters.get(name)
        if meter is None or meter.rule.quota != (quota or self._rule.quota):
            return None
        if meter.permits > 0 and now < meter.until:
            return meter
        if now < meter.denied_until:
            self._meters[name] = self._meters.pop(name)
            raise _refusal(meter, now)
        return None

    async def take(self, name: str | int, quota: int | None = None) -> Meter:
        """Take a permit, and return the name's meter. Raises `RateLimited`."""
        while True:
            now = self._seconds()
            meter = self._meter(name, now, quota)
            if meter.permits > 0 and now < meter.until:
                meter.permits -= 1
                return meter
            if now < meter.denied_until:
                raise _refusal(meter, now)
            await self._lease(meter)

    def require_room(self, name: str | int) -> None:
        """Return unless it is known that the name has no permits left, and take none. Raises `RateLimited`."""
        now = self._seconds()
        self.ready(name, now)
        together = self._together.get(self._rule.quota)
        if together is not None and now < together.denied_until and name not in self._meters and self._is_full(now):
            raise _refusal(together, now)

    def _meter(self, name: str | int, now: float, quota: int | None) -> Meter:
        rule = self._rule
        if quota and quota != rule.quota:
            rule = replace(rule, quota=quota)
        meter = self._meters.pop(name, None)
        if meter is None or meter.rule.quota != rule.quota:
            if self._is_full(now):
                together = self._together.get(rule.quota)
                if together is None:
                    together = self._together[rule.quota] = Meter(rule, _TOGETHER, now)
                return together
            if len(self._meters) >= METERS_MAX:
                del self._meters[next(iter(self._meters))]
            meter = Meter(rule, str(name), now)
        self._meters[name] = meter
        return meter

    def _is_full(self, now: float) -> bool:
        """Whether to forget a name would give it permits that it has used up already."""
        if len(self._meters) < METERS_MAX or not self._counting.is_by_itself:
            return False
        return not self._meters[next(iter(self._meters))].window.is_over(now)

    async def _lease(self, meter: Meter) -> None:
        """Lease permits; those who come meanwhile wait for the same lease, and one who goes away stops nobody."""
        if meter.leasing is None:
            meter.leasing = asyncio.create_task(self._lease_once(meter))
        await asyncio.shield(meter.leasing)

    async def _lease_once(self, meter: Meter) -> None:
        try:
            now = self._seconds()
            meter.keep(await self._counting.take(meter, meter.next_size(now), now), now)
        finally:
            meter.leasing = None


def _refusal(meter: Meter, now: float) -> RateLimited:
    rule = meter.rule
    seconds = max(meter.denied_until - now, 0.0)
    per = {60: "a minute", 900: "a quarter of an hour"}.get(rule.window_seconds, f"in {rule.window_seconds} seconds")
    return RateLimited(
        f"At most {rule.quota:,} {rule.what} {per} {rule.whose}. Try again in {math.ceil(seconds)} s.",
        policy=rule.policy,
        retry_after_seconds=seconds,
    )

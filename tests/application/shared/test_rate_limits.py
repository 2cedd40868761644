"""Rate limits: how many permits there are, what they cost the store, and what happens while it is away."""

import asyncio
from collections.abc import Iterable

import pytest

from application.shared.ports import Rule, StoreUnavailable, Taken
from application.shared.rate_limits import METERS_MAX, Counting, RateLimiter, Window, frees_seconds
from domain.shared.errors import RateLimited
from tests.application.seconds import Seconds

QUOTA = 12_000
RULE = Rule("caller", "requests", QUOTA, whose="of one caller")


class SharedPermits:
    """What Redis does, here; it can go away, and counts how often it is asked."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds
        self._windows: dict[tuple[Rule, str], Window] = {}
        self.is_away = False
        self.asked = 0

    async def take(self, rule: Rule, name: str, count: int) -> Taken:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("it is away")
        window = self._windows.setdefault((rule, name), Window(rule.window_seconds, 0))
        return window.take(rule.quota, count, self._seconds.passed)

    async def is_there(self) -> bool:
        return not self.is_away


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def store(seconds: Seconds) -> SharedPermits:
    return SharedPermits(seconds)


def limiter(store: SharedPermits, seconds: Seconds, rule: Rule = RULE) -> RateLimiter:
    return RateLimiter(rule, Counting(store, probe_seconds=0.01), seconds=seconds)


async def given(limiters: Iterable[RateLimiter], each: int, name: str = "a") -> int:
    """How many of so many requests to each are let in."""
    count = 0
    for one in limiters:
        for _ in range(each):
            try:
                await one.take(name)
            except RateLimited:
                continue
            count += 1
    return count


async def test_exactly_the_quota_is_given_and_then_nothing(store: SharedPermits, seconds: Seconds) -> None:
    limits = limiter(store, seconds)
    assert await given([limits], QUOTA + 500) == QUOTA
    with pytest.raises(RateLimited) as refused:
        await limits.take("a")
    assert refused.value.facts == {"policy": "caller"}
    assert "At most 12,000 requests a minute of one caller" in refused.value.detail
    assert await given([limits], 10, name="b") == 10, "another name has permits of its own"


async def test_servers_share_the_quota(store: SharedPermits, seconds: Seconds) -> None:
    servers = [limiter(store, seconds) for _ in range(4)]
    in_turns = sum([await given(servers, 50) for _ in range(80)])
    # What three servers have leased the fourth cannot give: a lease is a 120th at most.
    assert QUOTA - 3 * QUOTA // 120 <= in_turns <= QUOTA


async def test_a_busy_name_asks_the_store_about_twice_a_second(store: SharedPermits, seconds: Seconds) -> None:
    limits = limiter(store, seconds)
    # Half of what is allowed: 100 a second, for ten seconds.
    for _ in range(1_000):
        await limits.take("a")
        seconds.passed += 0.01
    assert store.asked <= 2 * 10 + 8, "a few more at first, while the lease grows"


async def test_a_quiet_name_is_not_throttled_by_what_it_leases(store: SharedPermits, seconds: Seconds) -> None:
    limits = limiter(store, seconds)
    # Bursts of ten, each of which leaves a part of a lease unused: 60 a minute, of 12,000.
    for _ in range(30):
        assert await given([limits], 10) == 10
        seconds.passed += 10
    meter = limits.ready("a", seconds.passed - 9.9)
    assert meter is not None
    assert meter.left > QUOTA - 200


async def test_what_is_refused_is_refused_without_asking_until_there_is_room(
    store: SharedPermits, seconds: Seconds
) -> None:
    limits = limiter(store, seconds, Rule("attempts", "Attempts", 6))
    assert await given([limits], 6) == 6
    with pytest.raises(RateLimited):
        await limits.take("a")
    asked = store.asked
    assert await given([limits], 100) == 0
    assert store.asked == asked
    # Nothing is out of sight before the window ends; then one of six is every ten seconds.
    seconds.passed += 60.5
    assert await given([limits], 100) == 1
    seconds.passed += 10
    assert await given([limits], 100) == 1


async def test_a_name_may_have_a_quota_of_its_own(store: SharedPermits, seconds: Seconds) -> None:
    limits = limiter(store, seconds)
    for _ in range(3):
        await limits.take(7, 3)
    with pytest.raises(RateLimited, match=r"At most 3 requests a minute of one caller"):
        await limits.take(7, 3)
    await limits.take(7, 4)
    await limits.take(7)


async def test_many_at_once_wait_for_the_same_lease(store: SharedPermits, seconds: Seconds) -> None:
    limits = limiter(store, seconds)
    waiting = [asyncio.create_task(limits.take("a")) for _ in range(200)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results].count(asyncio.CancelledError) == 1
    assert sum(isinstance(result, BaseException) for result in results) == 1
    assert store.asked < 12


async def test_while_the_store_is_away_each_server_applies_the_same_limit(
    store: SharedPermits, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    rule = Rule("attempts", "Attempts", 6)
    counting = Counting(store, probe_seconds=0.01, told_after_seconds=0)
    limits = RateLimiter(rule, counting, seconds=seconds)
    assert await given([limits], 2) == 2
    store.is_away = True
    asked = store.asked
    assert await given([limits], 20) == 4, "what was taken before counts"
    assert await given([limits], 20, name="b") == 6
    assert store.asked == asked + 1, "it is not waited for again and again"
    await asyncio.sleep(0.05)
    assert caplog.text.count("by itself") == 1
    await counting.stop()


async def test_a_store_that_answers_again_in_a_moment_is_no_news(
    store: SharedPermits, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    counting = Counting(store, probe_seconds=0.01)
    limits = RateLimiter(Rule("attempts", "Attempts", 6), counting, seconds=seconds)
    store.is_away = True
    await limits.take("a")
    await asyncio.sleep(0.05)
    store.is_away = False
    asked = store.asked
    for number in range(50):
        await limits.take(f"name {number}")
        if store.asked > asked:
            break
        await asyncio.sleep(0.01)
    assert store.asked > asked, "it counts again"
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


async def test_the_store_counts_again_when_it_is_back(store: SharedPermits, seconds: Seconds) -> None:
    counting = Counting(store, probe_seconds=0.01)
    limits = RateLimiter(Rule("attempts", "Attempts", 6), counting, seconds=seconds)
    store.is_away = True
    await limits.take("a")
    store.is_away = False
    asked = store.asked
    for _ in range(50):
        await limits.take(f"name {_}")
        if store.asked > asked:
            break
        await asyncio.sleep(0.01)
    assert store.asked > asked


async def test_the_name_that_was_used_longest_ago_is_forgotten(store: SharedPermits, seconds: Seconds) -> None:
    limits = limiter(store, seconds)
    for number in range(METERS_MAX):
        await limits.take(number)
    seconds.passed += 6  # its lease is over
    await limits.take(0)
    await limits.take("another")
    assert 0 in limits._meters
    assert 1 not in limits._meters


async def test_while_the_store_is_away_other_names_give_nobody_their_permits_back(
    store: SharedPermits, seconds: Seconds
) -> None:
    counting = Counting(store, probe_seconds=10)
    limits = RateLimiter(Rule("attempts", "Attempts", 5), counting, seconds=seconds)
    store.is_away = True
    assert await given([limits], 10) == 5
    # All those beyond the names that are kept are as one.
    assert sum([await given([limits], 1, name=f"name {number}") for number in range(METERS_MAX + 50)]) == METERS_MAX + 4
    with pytest.raises(RateLimited):
        limits.require_room("one more")
    assert await given([limits], 10) == 0
    assert len(limits._meters) == METERS_MAX
    # When what was counted is out of sight, there is room again.
    seconds.passed += 120
    assert await given([limits], 10, name="one more") == 5
    await counting.stop()


async def test_only_so_many_names_are_kept(store: SharedPermits, seconds: Seconds) -> None:
    limits = limiter(store, seconds)
    for number in range(METERS_MAX + 1):
        await limits.take(number)
    assert limits.ready(0, seconds.passed) is None
    assert len(limits._meters) == METERS_MAX


@pytest.mark.parametrize(
    ("last", "count", "in_sight", "expected"),
    [
        (0, 10, 30, 30),  # full by this window alone, of which the tenth is in sight until it ends
        (10, 5, 60, 30),  # half of the last ten must go out of sight: after half a minute
        (10, 5, 30, 0),  # which it has
        (0, 5, 30, 0),
        (0, 20, 10, 40),  # twice too many: when the window has ended, half of it must go out of sight
    ],
)
def test_when_a_window_of_ten_a_minute_has_room_again(last: int, count: int, in_sight: float, expected: float) -> None:
    assert frees_seconds(10, 60, last, count, in_sight) == expected


def test_a_window_slides() -> None:
    window = Window(60, 0)
    assert window.take(10, 8, 50) == Taken(8, 2, 0, 10)
    # After 60 s all eight are in sight, after 90 s four of them, after 120 s none.
    assert window.take(10, 9, 60).count == 2
    assert window.take(10, 9, 90).count == 4
    assert window.take(10, 9, 300).count == 9

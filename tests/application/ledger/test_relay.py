"""Whoever follows a ledger gets each of its events, in order and once, whatever is heard and whatever is lost."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ledger import followers, following, relay
from application.ledger.followers import EventFilter, RelayedEvent
from application.ledger.following import FellBehind
from application.ledger.relay import Relay
from domain.ledger.events import LedgerChanged
from domain.shared.access import Grant, Permission, Principal
from domain.shared.errors import NotAuthenticated, PermissionDenied
from domain.shared.patterns import Pattern
from tests.application.ledger.followed import MAIN, GrowingLog, Reader, Wire, opened, until
from tests.application.ledger.office import turns

CHANGED = LedgerChanged("Main", {})


@pytest.fixture
def log() -> GrowingLog:
    return GrowingLog()


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def here(log: GrowingLog, wire: Wire) -> AsyncIterator[Relay]:
    made = Relay(log, wire)
    yield made
    await made.stop()


async def test_what_this_process_commits_is_given_without_reading_it(log: GrowingLog, wire: Wire, here: Relay) -> None:
    log.append(opened("a"))
    reader = Reader(here)
    await turns()
    log.reads = 0
    here.committed(MAIN, log.append(opened("b"), opened("c")))
    here.committed(MAIN, log.append(opened("d")))
    await turns()
    assert (reader.got, reader.through, log.reads) == ([2, 3, 4], 4, 0)
    assert wire.announced == [(MAIN, 3), (MAIN, 4)]
    await reader.leave()


async def test_what_another_process_commits_is_read_once_for_all(log: GrowingLog, here: Relay) -> None:
    readers = [Reader(here) for _ in range(20)]
    await turns()
    log.reads = 0
    log.append(opened("a"), opened("b"))
    here.hear(MAIN, 2)
    here.hear(MAIN, 2)
    await turns()
    assert [reader.got for reader in readers] == [[1, 2]] * 20
    assert log.reads == 1
    for reader in readers:
        await reader.leave()


async def test_a_gap_before_what_this_process_commits_is_filled(log: GrowingLog, here: Relay) -> None:
    reader = Reader(here)
    await turns()
    log.append(opened("a"))  # by another, whose word is lost
    here.committed(MAIN, log.append(opened("b")))
    await turns()
    here.hear(MAIN, 1)  # late
    await turns()
    assert reader.got == [1, 2]
    await reader.leave()


async def test_what_nobody_tells_of_is_found_by_looking(
    log: GrowingLog, wire: Wire, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.01)
    wire.heard_since = None
    here.start()
    reader = Reader(here)
    await turns()
    log.append(opened("a"))
    await until(lambda: reader.got == [1])
    await reader.leave()


async def test_what_was_told_while_nothing_was_heard_for_a_moment_is_found_by_looking_once(
    log: GrowingLog, wire: Wire, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.01)
    here.start()
    reader = Reader(here)
    await until(lambda: log.heads >= 2)  # as it was looked at when it was followed, and since
    log.append(opened("a"))  # and told of, which was not heard
    looks = log.heads
    await asyncio.sleep(0.05)
    assert (reader.got, log.heads) == ([], looks), "it looks again ten seconds after the last time"
    wire.heard_since = monotonic()
    await until(lambda: reader.got == [1])
    await asyncio.sleep(0.05)
    assert log.heads == looks + 1
    await reader.leave()


async def test_who_was_away_for_a_moment_is_served_from_memory(log: GrowingLog, here: Relay) -> None:
    stays, leaves = Reader(here), Reader(here)
    await turns()
    log.reads = 0
    here.committed(MAIN, log.append(opened("a")))
    await turns()
    await leaves.leave()
    here.committed(MAIN, log.append(opened("b"), opened("c")))
    back = Reader(here, after=leaves.got[-1])
    await turns()
    assert (back.got, stays.got, log.reads) == ([2, 3], [1, 2, 3], 0)
    for reader in (stays, back):
        await reader.leave()


async def test_who_comes_from_far_back_reads_the_log_and_goes_on_without_a_gap(
    log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PAGE_EVENTS", 3)
    log.append(*[opened(f"a{number}") for number in range(10)])
    reader = Reader(here, after=2)
    for number in range(5):  # while it reads
        here.committed(MAIN, log.append(opened(f"b{number}")))
        await asyncio.sleep(0)
    await turns(40)
    assert reader.got == list(range(3, 16))
    await reader.leave()


async def test_only_what_is_asked_for_comes_and_yet_it_is_told_how_far_that_goes(log: GrowingLog, here: Relay) -> None:
    wallets = Reader(here, wanted=EventFilter(account=Pattern("users:*:wallet")))
    one = Reader(here, wanted=EventFilter(account=Pattern("users:1:wallet")))
    changes = Reader(here, wanted=EventFilter(types=frozenset({"ledger.changed"})))
    neither = Reader(here, wanted=EventFilter(frozenset({"ledger.changed"}), Pattern("users:1:wallet")))
    await turns()
    here.committed(MAIN, log.append(opened("users:1:wallet"), CHANGED, opened("users:2:wallet"), opened("shop")))
    await turns()
    assert [reader.got for reader in (wallets, one, changes, neither)] == [[1, 3], [1], [2], []]
    assert wallets.through == 4
    for reader in (wallets, one, changes, neither):
        await reader.leave()


async def test_who_hears_nothing_is_told_now_and_then_how_far_that_goes(
    log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "HEARTBEAT_SECONDS", 0.01)
    reader = Reader(here, wanted=EventFilter(account=Pattern("shop")))
    await turns()
    here.committed(MAIN, log.append(opened("a"), opened("b")))
    await until(lambda: reader.through == 2)
    assert reader.got == []
    await reader.leave()


async def test_who_takes_nothing_gets_what_waits_and_then_an_end(
    log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "WAITING_EVENTS_MAX", 3)
    slow, quick = Reader(here), Reader(here)
    slow.taking.clear()
    await turns()
    for number in range(5):
        here.committed(MAIN, log.append(opened(f"a{number}")))
        await turns()
    slow.taking.set()
    await turns()
    with pytest.raises(FellBehind):
        await slow.task
    assert (slow.got, quick.got) == ([1, 2, 3], [1, 2, 3, 4, 5])
    again = Reader(here, after=slow.got[-1])
    await turns()
    assert again.got == [4, 5]
    for reader in (quick, again):
        await reader.leave()


async def test_nobody_follows_what_it_may_not_read(log: GrowingLog, here: Relay) -> None:
    limited = Grant(frozenset({Permission.EVENTS_READ}), accounts=(Pattern("users:**"),))

    async def who() -> Principal:
        return Principal(1, "key_1", (limited,))

    following = here.follow(who, "main")
    with pytest.raises(PermissionDenied, match="events:read"):
        await anext(following)


async def test_a_store_that_is_away_is_asked_again(
    log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.01)
    reader = Reader(here)
    await turns()
    log.append(opened("a"))
    log.is_away = True
    here.hear(MAIN, 1)
    await asyncio.sleep(0.03)
    assert reader.got == []
    log.is_away = False
    await until(lambda: reader.got == [1])
    await reader.leave()


async def test_who_was_revoked_hears_no_more(log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "CHECK_SECONDS", 0.01)
    busy, idle = Reader(here), Reader(here, wanted=EventFilter(account=Pattern("shop")))
    await turns()
    for reader in (busy, idle):
        reader.is_revoked = True
    here.committed(MAIN, log.append(opened("a")))
    await until(lambda: busy.task.done() and idle.task.done())
    for reader in (busy, idle):
        with pytest.raises(NotAuthenticated):
            reader.task.result()


async def test_nothing_is_given_to_who_was_revoked_since_it_was_last_asked_for(
    log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "CERTAIN_SECONDS", 0)
    reader = Reader(here)
    await turns()
    reader.is_revoked = True
    here.committed(MAIN, log.append(opened("a")))
    await until(reader.task.done)
    with pytest.raises(NotAuthenticated):
        reader.task.result()
    assert reader.got == []


async def test_a_server_that_stops_lets_all_go(log: GrowingLog, here: Relay) -> None:
    readers = [Reader(here), Reader(here, wanted=EventFilter(account=Pattern("shop")))]
    await turns()
    here.committed(MAIN, log.append(opened("a")))
    await turns()
    here.end()
    await turns()
    assert [reader.task.done() for reader in readers] == [True, True]
    assert readers[0].got == [1]


PATHS = ["users:1", "users:2", "shop"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("commit here"), st.integers(1, 4)),
        st.tuples(st.just("commit there"), st.integers(1, 4)),
        st.tuples(st.just("hear"), st.integers(0, 20)),
        st.tuples(st.just("follow"), st.integers(0, 20)),
        st.tuples(st.just("leave"), st.integers(0, 5)),
        st.tuples(st.just("turn"), st.integers(0, 3)),
    ),
    max_size=30,
)
FILTERS = st.builds(
    EventFilter,
    st.sampled_from([frozenset[str](), frozenset({"account.opened"}), frozenset({"ledger.changed"})]),
    st.sampled_from([None, Pattern("users:1"), Pattern("users:*"), Pattern("**")]),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, data=st.data())
async def test_whatever_happens_each_gets_exactly_what_the_log_has_for_it(
    steps: list[tuple[str, int]], data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PAGE_EVENTS", 3)
    monkeypatch.setattr(following, "RECENT_EVENTS_MAX", 4)
    log, wire = GrowingLog(), Wire()
    log.append(CHANGED)
    here = Relay(log, wire)
    readers: list[tuple[int, Reader]] = []
    try:
        for what, number in steps:
            events = [data.draw(st.sampled_from([CHANGED, *map(opened, PATHS)])) for _ in range(number)]
            if what == "commit here":
                here.committed(MAIN, log.append(*events))
            elif what == "commit there":
                log.append(*events)
            elif what == "hear":
                here.hear(MAIN, min(number, log.head_.sequence))
            elif what == "follow":
                after = min(number, log.head_.sequence)
                readers.append((after, Reader(here, after=after, wanted=data.draw(FILTERS))))
            elif what == "leave" and number < len(readers):
                await readers[number][1].leave()
            else:
                await turns(number)
        here.hear(MAIN, log.head_.sequence)
        await turns(60)
        gone = [reader.task.done() for _, reader in readers]
    finally:
        for _, reader in readers:
            await reader.leave()
        await here.stop()
    for (after, reader), is_gone in zip(readers, gone, strict=True):
        wanted = [
            event.sequence
            for event in log.events_
            if event.sequence > after and reader.wanted.wants(RelayedEvent.of(event))
        ]
        assert reader.got == (wanted[: len(reader.got)] if is_gone else wanted)
        assert reader.through <= log.head_.sequence

"""Places in a ledger's log: nobody waits for what is there, and only who is slow is taken for slow."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ledger import followers, following
from application.ledger.followers import EVERY_EVENT, EventFilter, Follower, Followers, RelayedEvent
from application.ledger.readers import StoredEvent
from application.ledger.relay import Relay
from domain.shared.errors import Overloaded
from domain.shared.patterns import Pattern
from tests.application.ledger.followed import MAIN, GrowingLog, Reader, Wire, opened
from tests.application.ledger.office import turns

PATHS = ["users", "users:1", "users:1:wallet", "users:2:wallet", "shop:till", "shop"]
PATTERNS = ["", "users:1", "users:*", "users:**", "users:1:*", "users:1:**", "users:*:wallet", "*:till", "**", "shop:*"]


@pytest.fixture
def log() -> GrowingLog:
    return GrowingLog()


@pytest.fixture
async def here(log: GrowingLog) -> AsyncIterator[Relay]:
    made = Relay(log, Wire())
    yield made
    await made.stop()


async def test_what_is_committed_while_the_first_one_joins_is_not_waited_for(log: GrowingLog, here: Relay) -> None:
    called = asyncio.Event()
    log.append(opened("a"))  # after the head was seen
    with here.joined(MAIN, 0, after=0, wanted=EVERY_EVENT, call=called.set) as place:
        assert await place.take() is None
        await asyncio.wait_for(called.wait(), 1)
        delivery = await place.take()
    assert delivery is not None
    assert [event.sequence for event in delivery.events] == [1]


async def test_what_is_heard_and_is_not_in_the_log_is_asked_for_once(log: GrowingLog, here: Relay) -> None:
    reader = Reader(here)
    await turns()
    log.reads = 0
    here.hear(MAIN, 1_000_000)
    await turns(40)
    assert log.reads == 1
    log.append(opened("a"))
    here.hear(MAIN, 1)
    await turns()
    assert reader.got == [1]
    await reader.leave()


async def test_who_has_much_to_catch_up_with_is_not_taken_for_a_slow_one(
    log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "WAITING_EVENTS_MAX", 10)
    monkeypatch.setattr(following, "CATCH_UP_EVENTS", 4)
    stays = Reader(here)
    await turns()
    for number in range(40):
        here.committed(MAIN, log.append(opened(f"a{number}")))
        await turns()
    log.reads = 0
    comes = Reader(here, after=0)
    comes.taking.clear()
    await turns()
    for number in range(8):  # while it takes what there was
        here.committed(MAIN, log.append(opened(f"b{number}")))
        await turns()
    comes.taking.set()
    await turns(40)
    assert (comes.got, log.reads) == (list(range(1, 49)), 0)
    for reader in (stays, comes):
        await reader.leave()


async def test_what_is_caught_up_with_comes_in_messages_of_bounded_length(
    log: GrowingLog, here: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "STRETCH_BYTES_MAX", 2_000)
    log.append(*[opened(f"a{number}") for number in range(30)])
    with here.joined(MAIN, 30, after=0, wanted=EVERY_EVENT, call=lambda: None) as place:
        got: list[int] = []
        while len(got) < 30:
            delivery = await place.take()
            assert delivery is not None
            # The last one may go beyond the bound, and no more than that.
            assert sum(len(event.line) for event in delivery.events[:-1]) < 2_000
            assert delivery.through == place.at
            got += [event.sequence for event in delivery.events]
    assert got == list(range(1, 31))


async def test_who_leaves_while_the_log_is_read_is_told_nothing_more(log: GrowingLog, here: Relay) -> None:
    stays = Reader(here)
    await turns()
    log.append(opened("a"), opened("b"))
    with here.joined(MAIN, 2, after=0, wanted=EVERY_EVENT, call=lambda: None) as place:
        taking = asyncio.create_task(place.take())
        await asyncio.sleep(0)
    assert await taking is None
    assert await place.take() is None
    await stays.leave()


@given(
    patterns=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=8),
    paths=st.lists(st.sampled_from(PATHS), min_size=1, max_size=3),
)
def test_whom_an_event_concerns_is_found_however_filters_are_kept(patterns: list[str], paths: list[str]) -> None:
    event = RelayedEvent(cast(StoredEvent, SimpleNamespace(sequence=1)), "x", frozenset(paths), None, None, b"{}")
    event = replace(event, touched=event.accounts)
    places, given_to = Followers(), []
    for number, text in enumerate(patterns):
        wanted = EventFilter(account=None if text == "" else Pattern(text))
        follower = Follower(wanted, lambda number=number: given_to.append(number))  # type: ignore[misc] # number is bound
        places.add(follower)
    places.tell(event)
    expected = [
        number
        for number, text in enumerate(patterns)
        if text == "" or any(Pattern(text).matches(path) for path in paths)
    ]
    assert sorted(given_to) == expected


def test_of_a_ledger_only_so_many_filters_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "FILTERS_MAX", 2)
    places = Followers()
    kept = [Follower(EventFilter(account=Pattern(text)), lambda: None) for text in ("a:*", "b:*", "a:*", "a:1")]
    for follower in kept:
        places.add(follower)
    third = Follower(EventFilter(account=Pattern("c:*")), lambda: None)
    with pytest.raises(Overloaded):
        places.add(third)
    places.remove(kept[1])
    places.add(third)

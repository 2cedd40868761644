"""Places in a ledger's log: nobody waits for what is there, and only who is slow is taken for slow."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from application.ledger import followers, following
from application.ledger.followers import EVERY_EVENT
from application.ledger.relay import Relay
from tests.application.ledger.followed import MAIN, GrowingLog, Reader, Wire, opened
from tests.application.ledger.office import turns


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

"""Holds that are due expire before a group's commands, and by themselves where there are none."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from adapters.memory import MemoryAgenda
from application.ledger.archive_ledger import ArchiveLedger
from application.ledger.expiry import Due, Expiry
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import LedgerAddress
from application.ledger.resolve_holds import CaptureHold
from application.shared.ports import StoreUnavailable
from domain.ledger.hold import CaptureDraft, HoldDraft, HoldNotOpen
from tests.application.ledger.office import MAIN, OTHER, Office, refused
from tests.builders import NOW, credit, debit, hold_id, transaction_id

MINUTE = timedelta(minutes=1)
GONE = LedgerAddress(7, "gone")


class Notebook(MemoryAgenda):
    """An agenda that can be away, or lack the address of some ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.is_silent = False
        self.unreadable: LedgerAddress | None = None
        self.asked = 0

    async def due_expiries(self, now: datetime, *, after: Due | None, limit: int) -> Sequence[Due]:
        self.asked += 1
        if self.is_silent:
            await asyncio.Event().wait()
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().due_expiries(now, after=after, limit=limit)

    async def address(self, due: Due) -> LedgerAddress | None:
        found = await super().address(due)
        if found == self.unreadable:
            raise RuntimeError("a bug")
        return found


@pytest.fixture
def agenda() -> Notebook:
    return Notebook()


@pytest.fixture
def expiry(office: Office, agenda: Notebook) -> Expiry:
    return Expiry(agenda, office.journal, office.clock, office.ids, period_seconds=0.01)


async def placed(office: Office, agenda: MemoryAgenda, address: LedgerAddress = MAIN, after: timedelta = MINUTE) -> str:
    """Place a hold that expires after so long, and return its id."""
    entries = (debit("assets:bank", "1.00"), credit("income:sales", "1.00"))
    hold = HoldDraft(hold_id(), entries, NOW + after)
    await office.submit(PlaceHold(hold), slug=address.slug)
    agenda.put(address, NOW + after)
    return hold.id


def expired(office: Office, address: LedgerAddress = MAIN) -> list[str]:
    """The holds that expired, in order; by whom, is seen to here."""
    events = [json.loads(content) for content, _ in office.kept.log(address)]
    expiries = [event for event in events if event["type"] == "hold.expired"]
    assert {event["actor"] for event in expiries} <= {"system:expiry"}
    return [event["data"]["id"] for event in expiries]


async def test_a_due_hold_expires_before_the_commands_of_a_group_even_if_those_are_refused(
    office: Office, agenda: Notebook
) -> None:
    first, second, later = [await placed(office, agenda, after=number * MINUTE) for number in (1, 2, 3)]
    office.clock.advance(2 * MINUTE)
    captures = [CaptureHold(CaptureDraft(transaction_id(), hold)) for hold in (first, second)]
    for answer in await office.submit_together(*captures):
        assert refused(answer, HoldNotOpen).facts["hold_status"] == "expired"
    assert expired(office) == [first, second]
    await office.submit(CaptureHold(CaptureDraft(transaction_id(), later)))


async def test_a_sweep_lets_what_is_due_expire_in_every_ledger_and_strikes_it_out(
    office: Office, agenda: Notebook, expiry: Expiry
) -> None:
    holds = [await placed(office, agenda, address) for address in (MAIN, OTHER)]
    later = await placed(office, agenda, after=2 * MINUTE)
    await expiry.sweep()
    assert expired(office) == []
    office.clock.advance(MINUTE)
    await expiry.sweep()
    assert [expired(office), expired(office, OTHER)] == [holds[:1], holds[1:]]
    head = office.sequence()
    await expiry.sweep()
    assert office.sequence() == head
    left = await agenda.due_expiries(NOW + 9 * MINUTE, after=None, limit=10)
    assert [due.due_at for due in left] == [NOW + 2 * MINUTE]
    office.clock.advance(MINUTE)
    await expiry.sweep()
    assert expired(office) == [*holds[:1], later]


async def test_more_than_a_thousand_due_holds_expire_in_one_sweep(
    office: Office, agenda: Notebook, expiry: Expiry
) -> None:
    holds = [await placed(office, agenda, after=MINUTE + timedelta(seconds=number)) for number in range(2_050)]
    office.clock.advance(timedelta(hours=1))
    await expiry.sweep()
    assert expired(office) == holds
    assert await agenda.due_expiries(NOW + timedelta(days=1), after=None, limit=10) == []


async def test_several_processes_may_sweep_at_once(office: Office, agenda: Notebook) -> None:
    holds = [await placed(office, agenda) for _ in range(5)]
    office.clock.advance(MINUTE)
    sweepers = [Expiry(agenda, office.another_journal(), office.clock, office.ids) for _ in range(3)]
    await asyncio.gather(*(each.sweep() for each in sweepers))
    assert sorted(expired(office)) == sorted(holds)


async def test_a_ledger_that_is_gone_or_archived_is_struck_out(
    office: Office, agenda: Notebook, expiry: Expiry
) -> None:
    await office.submit(ArchiveLedger(None, "over"), slug="other")
    for address in (GONE, OTHER):
        agenda.put(address, NOW)
    await expiry.sweep()
    assert await agenda.due_expiries(NOW, after=None, limit=10) == []


async def test_a_ledger_that_fails_keeps_no_other_waiting(office: Office, agenda: Notebook, expiry: Expiry) -> None:
    await placed(office, agenda, OTHER)
    hold = await placed(office, agenda)
    agenda.unreadable = OTHER
    office.clock.advance(MINUTE)
    await expiry.sweep()
    assert expired(office) == [hold]
    agenda.unreadable = None
    await expiry.sweep()
    assert len(expired(office, OTHER)) == 1


async def test_a_store_that_is_away_is_told_once_and_tried_again(
    office: Office, agenda: Notebook, expiry: Expiry, caplog: pytest.LogCaptureFixture
) -> None:
    hold = await placed(office, agenda)
    office.clock.advance(MINUTE)
    agenda.is_away = True
    with caplog.at_level(logging.WARNING):
        expiry.start()
        await until(lambda: agenda.asked > 5)
        assert [record.message for record in caplog.records] == ["holds that are due expire later: away"]
    agenda.is_away = False
    await until(lambda: expired(office) == [hold])
    await expiry.stop()


async def test_it_stops_although_the_store_is_silent(agenda: Notebook, expiry: Expiry) -> None:
    agenda.is_silent = True
    expiry.start()
    await until(lambda: agenda.asked == 1)
    async with asyncio.timeout(1):
        await expiry.stop()
    await expiry.stop()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never was")

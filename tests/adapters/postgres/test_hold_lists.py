"""Pages of holds, beside plain loops over what was written: whatever the filter, the order and the budget."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from random import Random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from application.ledger.hold_reader import HoldFilter, HoldView
from application.ledger.ports import LedgerAddress
from application.ledger.spans import OPEN_SPAN
from domain.ledger.account import AccountType
from domain.ledger.events import (
    AccountOpened,
    AssetRegistered,
    Event,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    TransactionPosted,
)
from domain.ledger.hold import Hold, HoldStatus
from domain.ledger.transaction import Direction, Entry
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import NewLedger, write
from tests.adapters.postgres.populated import is_like, is_within
from tests.adapters.postgres.reading import LedgerWork, reading
from tests.adapters.postgres.test_lists import FILTERS_TRIED, all_pages, bounded, some, some_span
from tests.builders import EUR, NOW, POINTS, hold_id, transaction_id

__all__ = ["bounded"]  # a way to read with small budgets

PATHS = ("assets:bank", "users:1:wallet", "users:2:wallet", "users:10:fees", "fees")
PATTERNS = [*map(Pattern, PATHS), Pattern("**"), Pattern("users:*:wallet"), Pattern("*"), Pattern("no:such")]
# So far ahead that no server which runs beside these tests has them expire.
AHEAD = NOW + timedelta(days=36_500)
STATUSES = [status.value for status in HoldStatus]


@dataclass(slots=True)
class Told:
    """The holds that were placed, as they are now."""

    address: LedgerAddress
    views: list[HoldView] = field(default_factory=list)


@pytest.fixture(scope="module")
async def told(journal_engine: AsyncEngine, new_ledger: NewLedger) -> Told:
    random, books, told = Random(11), PostgresBooks(journal_engine), Told(await new_ledger())
    openings: list[Event] = [AssetRegistered(asset.code, asset.scale) for asset in (EUR, POINTS)]
    openings += [AccountOpened(path, AccountType.LIABILITY) for path in PATHS]
    await write(books, told.address, *openings)
    for number in range(90):
        placed = HoldPlaced(
            hold_id(),
            some_entries(random),
            random.choice([None, AHEAD + timedelta(days=random.randint(1, 6))]),
            random.choice([None, f"hold-{number}"]),
            metadata={"number": str(number)},
        )
        outcome = await write(books, told.address, placed)
        recorded = outcome.applied[0].recorded
        assert recorded is not None
        left = {(each.account, each.direction, each.asset.code): 0 for each in placed.entries}
        for each in placed.entries:
            left[each.account, each.direction, each.asset.code] += each.amount
        hold = Hold(
            recorded.sequence,
            placed.id,
            placed.entries,
            left,
            placed.expires_at,
            placed.reference,
            metadata=placed.metadata,
        )
        told.views.append(await resolved(random, books, told.address, HoldView(hold, recorded.recorded_at)))
    return told


def some_entries(random: Random) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for _ in range(random.choice([1, 1, 2])):
        asset, amount = random.choice([EUR, POINTS]), random.choice([1, 7, 100, 10**30])
        debited, credited = random.choices(PATHS, [9, 3, 3, 1, 1], k=2)
        entries += [Entry(debited, Direction.DEBIT, amount, asset), Entry(credited, Direction.CREDIT, amount, asset)]
    return tuple(entries)


async def resolved(random: Random, books: PostgresBooks, address: LedgerAddress, view: HoldView) -> HoldView:
    """Leave the hold as it is, or resolve it in one way or another, as a whole; and say what it is then."""
    hold = view.hold
    status = random.choice(list(HoldStatus))
    captures: tuple[str, ...] = ()
    if status is HoldStatus.OPEN:
        return view
    event: Event = HoldReleased(hold.id) if status is HoldStatus.RELEASED else HoldExpired(hold.id)
    left = hold.left
    if status is HoldStatus.CAPTURED:
        event = TransactionPosted(transaction_id(), hold.entries, NOW, hold=hold.id)
        captures, left = (event.id,), dict.fromkeys(left, 0)
    outcome = await write(books, address, event)
    closed_at = outcome.applied[0].recorded_at
    return HoldView(replace(hold, status=status, left=left), view.placed_at, closed_at, captures)


def some_holds(random: Random, views: Sequence[HoldView]) -> HoldFilter:
    references = [view.hold.reference for view in views if view.hold.reference]
    return HoldFilter(
        status=some(random, ["open"], ["released"], ["captured", "expired"], STATUSES) or (),
        account=some(random, *PATTERNS),
        reference=some(random, random.sample(references, 3), ["none"]) or (),
        expires_at=some_span(random, [AHEAD + timedelta(days=days) for days in range(8)]),
        placed_at=some_span(random, [view.placed_at for view in views]),
        sequence=some_span(random, [view.hold.number for view in views]),
    )


def shows(where: HoldFilter, view: HoldView) -> bool:
    hold = view.hold
    return (
        (not where.status or hold.status.value in where.status)
        and any(is_like(entry.account, where.account) for entry in hold.entries)
        and (not where.reference or hold.reference in where.reference)
        and (
            where.expires_at == OPEN_SPAN
            or (hold.expires_at is not None and is_within(hold.expires_at, where.expires_at))
        )
        and is_within(view.placed_at, where.placed_at)
        and is_within(hold.number, where.sequence)
    )


@pytest.mark.soak
@pytest.mark.parametrize("sort", ["sequence", "-sequence", "placed_at", "-placed_at"])
async def test_pages_of_holds_are_the_filtered_list(bounded: LedgerWork, told: Told, sort: str) -> None:
    random = Random(sort)
    for limit, where in [(20, HoldFilter())] + [
        (random.choice([1, 3, 10, 100]), some_holds(random, told.views)) for _ in range(FILTERS_TRIED)
    ]:
        expected = [view for view in told.views if shows(where, view)]
        if sort.startswith("-"):
            expected.reverse()
        async with reading(bounded, told.address) as reads:
            found = await all_pages(partial(reads.holds.holds, "main", where), sort, limit)
        assert found == expected, (limit, where)


async def test_holds_are_found_by_their_ids_alone_and_several_at_once(bounded: LedgerWork, told: Told) -> None:
    ids = [view.hold.id for view in told.views]
    async with reading(bounded, told.address) as reads:
        assert await reads.holds.hold("main", ids[7]) == told.views[7]
        found = await reads.holds.named("main", [*ids, hold_id(), "hold_x", "txn_x"])
    assert found == {view.hold.id: view for view in told.views}

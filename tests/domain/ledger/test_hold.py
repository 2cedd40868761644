"""What is told of holds: refusals, and what is left of each entry."""

import pytest

from domain.ledger.account import AccountType
from domain.ledger.book import Book
from domain.ledger.events import AccountOpened, AssetRegistered, HoldPlaced, HoldReleased
from domain.ledger.hold import CaptureDraft, HoldNotOpen
from domain.ledger.holding import capture
from domain.ledger.parts import left_of_each
from domain.ledger.transaction import Direction
from tests.builders import NOW, credited, debited, hold_id, transaction_id

BANK, SALES = "assets:bank", "income:sales"
DEBIT, CREDIT = (BANK, Direction.DEBIT, "EUR"), (SALES, Direction.CREDIT, "EUR")


def test_a_hold_that_is_not_open_says_what_became_of_it_beside_the_members_that_every_problem_has() -> None:
    book, id = Book(), hold_id()
    for event in (
        AssetRegistered("EUR", 2),
        AccountOpened(BANK, AccountType.ASSET),
        AccountOpened(SALES, AccountType.INCOME),
        HoldPlaced(id, (debited(BANK, 100), credited(SALES, 100))),
        HoldReleased(id),
    ):
        book.apply(event)
    with pytest.raises(HoldNotOpen) as refused:
        capture(book, CaptureDraft(transaction_id(), id), NOW)
    assert refused.value.facts == {"hold": id, "hold_status": "released"}


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        (0, [100, 30, 130]),
        (40, [60, 30, 90]),
        (100, [0, 30, 30]),
        (110, [0, 20, 20]),
        (130, [0, 0, 0]),
    ],
)
def test_what_is_taken_from_a_side_is_taken_from_its_entries_in_their_order(taken: int, left: list[int]) -> None:
    entries = (debited(BANK, 100), debited(BANK, 30), credited(SALES, 130))
    assert left_of_each(entries, {DEBIT: 130 - taken, CREDIT: 130 - taken}) == left

"""What is told of holds."""

import pytest

from domain.ledger.account import AccountType
from domain.ledger.book import Book
from domain.ledger.events import AccountOpened, AssetRegistered, HoldPlaced, HoldReleased
from domain.ledger.hold import CaptureDraft, HoldNotOpen
from domain.ledger.holding import capture
from tests.builders import NOW, credited, debited, hold_id, transaction_id

BANK, SALES = "assets:bank", "income:sales"


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

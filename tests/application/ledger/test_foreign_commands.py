"""Commands of extensions: whatever they make, the books balance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from application.ledger.group import UnsoundEvents
from application.ledger.post_transaction import PostTransaction
from domain.ledger.account import AccountType
from domain.ledger.book import Book
from domain.ledger.events import AccountOpened, Event, HoldPlaced, TransactionPosted
from domain.ledger.posting import post
from tests.application.ledger.office import Office, refused, sequences
from tests.builders import payment, principal


@dataclass(frozen=True, slots=True)
class Crooked(PostTransaction):
    """Leaves the last entry of what it posts out, or does something else with it."""

    what: type[Event] = TransactionPosted

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        *first, posted = post(book, self.draft, now)
        assert isinstance(posted, TransactionPosted)
        made: Any = {
            TransactionPosted: lambda: replace(posted, entries=posted.entries[:1]),
            HoldPlaced: lambda: HoldPlaced("hold_1", (*posted.entries, posted.entries[0])),
            AccountOpened: lambda: AccountOpened("not a path!", AccountType.ASSET),
        }
        return [*first, made[self.what]()]


@pytest.mark.parametrize("what", [TransactionPosted, HoldPlaced, AccountOpened])
async def test_what_does_not_balance_is_not_kept_and_its_neighbours_are(
    office: Office, what: type[Event], caplog: pytest.LogCaptureFixture
) -> None:
    crooked = Crooked(payment("2.00"), what)
    answers = await office.submit_together(PostTransaction(payment("1.00")), crooked, PostTransaction(payment("4.00")))
    refused(answers[1], UnsoundEvents)
    assert "a command failed: Crooked" in caplog.text
    assert sequences(answers[::2]) == [5, 6]
    assert (await office.balance("assets:bank")).posted_debits == 500
    with pytest.raises(UnsoundEvents):
        await office.journal.try_out(principal(), "main", crooked)

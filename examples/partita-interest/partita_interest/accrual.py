"""The command: what a savings account has earned by the end of a day is owed to its holder."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.ledger.asset import Asset, format_amount
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.posting import post
from domain.ledger.scope import Scope
from domain.ledger.transaction import Direction, EntryDraft, TransactionDraft
from domain.shared.access import Permission


def earned(balances: Iterable[int], basis_points: int) -> int:
    """Return what balances at the ends of days have earned, in minor units: actual days, of a year of 365.

    It is rounded down once, over all the days: what is below a minor unit is not lost to the days that follow.
    """
    return sum(max(balance, 0) for balance in balances) * basis_points // (365 * 10_000)


@dataclass(frozen=True, slots=True)
class AccrueInterest:
    """Accrue an amount (minor units) under a reference, and once: of two worked out from the same, one is refused."""

    permission: ClassVar = Permission.TRANSACTIONS_POST
    size: ClassVar = 2
    id: str
    asset: Asset
    reference: str
    amount: int
    effective_at: datetime

    @property
    def _draft(self) -> TransactionDraft:
        each = format_amount(self.amount, self.asset.scale), self.asset.code
        paid = EntryDraft("expenses:interest", Direction.DEBIT, *each)
        owed = EntryDraft("liabilities:accrued-interest", Direction.CREDIT, *each)
        return TransactionDraft(self.id, (paid, owed), self.reference, effective_at=self.effective_at)

    def scope(self) -> Scope:
        """Return its accounts, its asset and its reference."""
        return Scope.of_entries(self._draft.touches(), self.reference)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the events of the posting. Refuses with `DuplicateReference` where someone else was faster."""
        return post(book, self._draft, now)

"""Close and reopen periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from application.ledger.time_zones import beginning_of_day
from application.shared.ports import Ids
from domain.ledger.book import Book
from domain.ledger.closing import CLOSING_TRANSACTIONS_MAX, ClosingDraft, close, reopen
from domain.ledger.events import Event
from domain.ledger.scope import Scope
from domain.shared.access import Permission


def closing_draft(
    ids: Ids, time_zone: str, ends_on: date, *, reason: str = "", result_to: str | None = None
) -> ClosingDraft:
    """Return the closing of a ledger's books up to a day, in the time zone that the ledger has had since its creation.

    Raises `ValidationFailed` for a day that begins before the year 1.
    """
    transactions = CLOSING_TRANSACTIONS_MAX if result_to is not None else 0
    return ClosingDraft(
        ids.new("prd"),
        ends_on,
        beginning_of_day(ends_on, time_zone, pointer="/until"),
        reason,
        result_to,
        [ids.new("txn") for _ in range(transactions)],
    )


@dataclass(frozen=True, slots=True)
class ClosePeriod:
    """Close the books up to a day, and move results to equity where that is asked for. Refuses as `close` does."""

    permission: ClassVar = Permission.PERIODS_CLOSE
    size: ClassVar = 0  # how many entries it brings, nobody can tell beforehand
    draft: ClosingDraft

    def scope(self) -> Scope:
        """Return the results of the period, and where they go, in whatever assets they will be."""
        if self.draft.result_to is None:
            return Scope()
        return Scope(whole_accounts=(self.draft.result_to,), results=(self.draft.ends_at,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the closing, or refuse."""
        return close(book, self.draft, now)


@dataclass(frozen=True, slots=True)
class ReopenPeriod:
    """Open the last closed period again. Refuses as `reopen` does."""

    permission: ClassVar = Permission.PERIODS_REOPEN
    size: ClassVar = 0
    id: str
    reason: str

    def scope(self) -> Scope:
        """Return the period."""
        return Scope(periods=(self.id,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the reopening, or refuse."""
        return reopen(book, self.id, self.reason)

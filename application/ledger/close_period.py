"""Close and reopen periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.ledger.book import Book
from domain.ledger.closing import ClosingDraft, close, reopen
from domain.ledger.events import Event
from domain.ledger.scope import Scope
from domain.shared.access import Permission


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

"""Place a hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.hold import HoldDraft
from domain.ledger.holding import place
from domain.ledger.scope import Scope
from domain.shared.access import Permission


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Reserve a transaction without posting it. Refuses as `place` does."""

    permission: ClassVar = Permission.HOLDS_PLACE
    draft: HoldDraft

    @property
    def size(self) -> int:
        """Return how many entries it brings."""
        return len(self.draft.touches())

    def scope(self) -> Scope:
        """Return its accounts, their balances, its assets and its reference."""
        return Scope.of_entries(self.draft.touches(), self.draft.reference)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the events of the hold, or refuse."""
        return place(book, self.draft, now)

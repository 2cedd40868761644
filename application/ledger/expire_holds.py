"""Let holds expire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.scope import Scope
from domain.shared.access import Permission


@dataclass(frozen=True, slots=True)
class ExpireHolds:
    """Begin a group, and nothing else: before the commands of a group run, every hold that is due expires."""

    permission: ClassVar = Permission.HOLDS_RESOLVE
    size: ClassVar = 0

    def scope(self) -> Scope:
        """Return nothing."""
        return Scope()

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return nothing."""
        return ()

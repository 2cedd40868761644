"""Post a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.posting import post
from domain.ledger.scope import Scope
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Permission


@dataclass(frozen=True, slots=True)
class PostTransaction:
    """Post one transaction; its accounts and assets are opened where its ledger allows. Refuses as `post` does."""

    permission: ClassVar = Permission.TRANSACTIONS_POST
    draft: TransactionDraft

    @property
    def size(self) -> int:
        """Return how many entries it brings."""
        return 2 if self.draft.transfer else len(self.draft.entries)

    def scope(self) -> Scope:
        """Return its accounts, their balances, its assets and its reference."""
        return Scope.of_entries(self.draft.touches(), self.draft.reference)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the events of the posting, or refuse."""
        return post(book, self.draft, now)

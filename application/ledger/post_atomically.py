"""Post several transactions, all or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from application.ledger.all_or_none import all_or_none
from application.ledger.post_transaction import PostTransaction
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.posting import post
from domain.ledger.scope import Scope
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Permission


@dataclass(frozen=True, slots=True)
class PostAtomically:
    """Post transactions in order, each on the books that the ones before it leave; or none of them.

    Refuses as the first refused transaction does; the refusal's blames point at all that are refused.
    """

    permission: ClassVar = Permission.TRANSACTIONS_POST
    drafts: tuple[TransactionDraft, ...]

    @property
    def size(self) -> int:
        """Return how many entries they bring."""
        return sum(PostTransaction(draft).size for draft in self.drafts)

    def scope(self) -> Scope:
        """Return all that any of them must see."""
        return Scope.union(PostTransaction(draft).scope() for draft in self.drafts)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the events of all postings, or refuse."""
        return all_or_none(book, [partial(self._post, draft, now) for draft in self.drafts], of="transactions")

    def _post(self, draft: TransactionDraft, now: datetime, book: Book) -> Sequence[Event]:
        return post(book, draft, now)

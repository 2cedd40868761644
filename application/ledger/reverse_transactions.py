"""Reverse transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from application.ledger.all_or_none import all_or_none
from application.ledger.sizes import ENTRIES_EXPECTED
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.posted import ReversalDraft
from domain.ledger.reversing import reverse
from domain.ledger.scope import Scope
from domain.shared.access import Permission


@dataclass(frozen=True, slots=True)
class ReverseTransaction:
    """Undo a transaction, or a part of it. Forced, it is past the accounts' limits. Refuses as `reverse` does."""

    draft: ReversalDraft
    is_forced: bool = False

    @property
    def permission(self) -> Permission:
        """Return that to reverse, or that to force."""
        return Permission.TRANSACTIONS_FORCE if self.is_forced else Permission.TRANSACTIONS_REVERSE

    @property
    def size(self) -> int:
        """Return how many entries it brings, as far as can be told beforehand."""
        return len(self.draft.entries) or ENTRIES_EXPECTED

    def scope(self) -> Scope:
        """Return the transaction and the reference."""
        reference = self.draft.reference
        return Scope(reversals=(self.draft.transaction,), references=() if reference is None else (reference,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the reversal, or refuse."""
        return reverse(book, self.draft, now, is_forced=self.is_forced)


@dataclass(frozen=True, slots=True)
class ReverseAtomically:
    """Undo several transactions in order, all or none of them."""

    drafts: tuple[ReversalDraft, ...]
    is_forced: bool = False

    @property
    def permission(self) -> Permission:
        """Return that to reverse, or that to force."""
        return Permission.TRANSACTIONS_FORCE if self.is_forced else Permission.TRANSACTIONS_REVERSE

    @property
    def size(self) -> int:
        """Return how many entries they bring, as far as can be told beforehand."""
        return sum(ReverseTransaction(draft).size for draft in self.drafts)

    def scope(self) -> Scope:
        """Return all that any of them must see."""
        return Scope.union(ReverseTransaction(draft).scope() for draft in self.drafts)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the events of all of them, or refuse."""
        steps = [partial(self._reverse, draft, now) for draft in self.drafts]
        return all_or_none(book, steps, of="reversals", named_by="transaction")

    def _reverse(self, draft: ReversalDraft, now: datetime, book: Book) -> Sequence[Event]:
        return reverse(book, draft, now, is_forced=self.is_forced)

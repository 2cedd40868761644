"""Post several transactions, all or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.ledger.post_transaction import PostTransaction
from domain.ledger.book import Book, Scope
from domain.ledger.events import Event
from domain.ledger.posting import post
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Permission
from domain.shared.errors import Blame, DomainError


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
        trial = book.fork()
        events: list[Event] = []
        refusals: list[tuple[int, DomainError]] = []
        for index, draft in enumerate(self.drafts):
            try:
                of_draft = post(trial, draft, now)
            except DomainError as refusal:
                refusals.append((index, refusal))
                continue
            for event in of_draft:
                trial.apply(event)
            events += of_draft
        if refusals:
            raise _of_all(refusals)
        return events


def _of_all(refusals: Sequence[tuple[int, DomainError]]) -> DomainError:
    first_index, first = refusals[0]
    refusal = type(first)(
        f"Nothing was posted: {len(refusals)} of the transactions cannot be. Of the one at index {first_index}: "
        f"{first.detail}",
        facts=first.facts,
    )
    refusal.blames = tuple(
        Blame(f"/transactions/{index}{blame.pointer}", blame.detail)
        for index, each in refusals
        for blame in (each.blames or (Blame("", each.detail),))
    )
    return refusal

"""Reversing: how a transaction is undone, wholly or in part."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.ledger.admission import admit, admit_time
from domain.ledger.blaming import blame_no_entries
from domain.ledger.book import Book
from domain.ledger.events import Event, TransactionPosted
from domain.ledger.judging import accepted
from domain.ledger.limiting import require_within_limits
from domain.ledger.parts import excess, part_of
from domain.ledger.policy import Way
from domain.ledger.posted import PostedTransaction, ReversalDraft, ReversalExceeded, undone
from domain.ledger.posting import check_reference, checked_description
from domain.ledger.transaction import Entry
from domain.shared.errors import DomainError
from domain.shared.stable import stable
from domain.shared.text import checked_metadata

GENERATIONS_MAX: Final = 16


@stable(since="0.2.0")
def reverse(book: Book, draft: ReversalDraft, now: datetime, *, is_forced: bool = False) -> list[Event]:
    """Return the transaction that reverses another, of the same kind; `is_forced` is past the accounts' limits.

    Raises `NotFound`, `ReversalExceeded`, `UnbalancedTransaction`, `DuplicateReference`, `InClosedPeriod`,
    `FrozenLedger`, `ArchivedAccount`, `FrozenAccount`, `InsufficientFunds`, `LimitExceeded`, `ValidationFailed`, and
    what posting policies refuse with.
    """
    try:
        return _reversed(book, draft, now, is_forced=is_forced)
    except DomainError as refusal:
        if not draft.entries:
            blame_no_entries(refusal)
        raise


def _reversed(book: Book, draft: ReversalDraft, now: datetime, *, is_forced: bool) -> list[Event]:
    lineage = book.lineage(draft.transaction)
    reversed_one = lineage[0]
    if len(lineage) >= GENERATIONS_MAX:
        raise ReversalExceeded(
            f"{reversed_one.id} is the {len(lineage) - 1}th reversal of a reversal: post what you mean instead."
        )
    check_reference(book, draft.reference)
    part = part_of(book, reversed_one.left, draft.entries)
    if not part:
        raise ReversalExceeded(f"Nothing is left to reverse of {reversed_one.id}.", facts=_facts(reversed_one))
    _check_left(reversed_one, part)
    entries = tuple(Entry(each.account, each.direction.opposite, each.amount, each.asset) for each in part)
    for generation, ancestor in enumerate(undone(lineage, entries)):
        if generation and min(ancestor.left.values()) < 0:
            raise ReversalExceeded(
                f"{ancestor.id} was reversed again since {lineage[generation - 1].id} reversed it: undoing that as "
                "well would reverse more than was posted.",
                facts=_facts(ancestor),
            )
    effective_at = reversed_one.effective_at if draft.is_at_original_time else now
    # At the original time, it is the choice of that time which is to blame.
    admit_time(book, effective_at, pointer="/effective")
    admit(book, entries)
    if not is_forced:
        require_within_limits(book, entries, {})
    description = f"Reversal of {reversed_one.id}" if draft.description is None else draft.description
    reversal = TransactionPosted(
        id=draft.id,
        entries=entries,
        effective_at=effective_at,
        reference=draft.reference,
        description=checked_description(description),
        kind=reversed_one.kind,
        metadata=checked_metadata(draft.metadata),
        reverses=reversed_one.id,
    )
    return accepted(book, Way.REVERSAL, reversal, now)


def _check_left(transaction: PostedTransaction, part: Sequence[Entry]) -> None:
    over = excess(transaction.left, part)
    if over is not None:
        raise ReversalExceeded(
            f"Of {transaction.id}, {over.left} {over.asset} are left to reverse of what it "
            f"{_VERBS[over.direction.value]} {over.account}: {over.asked} were asked.",
            pointer="/entries",
            facts=_facts(transaction) | over.facts,
        )


_VERBS: Final = {"debit": "debited to", "credit": "credited to"}


def _facts(transaction: PostedTransaction) -> dict[str, str]:
    return {"transaction": transaction.id}

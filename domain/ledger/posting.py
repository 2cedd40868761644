"""Posting: what a transaction that was asked for becomes, given the books as they stand."""

from datetime import datetime

from domain.ledger.admission import admit, admit_time
from domain.ledger.blaming import blame_transfer
from domain.ledger.book import Book
from domain.ledger.events import Event, TransactionPosted
from domain.ledger.limiting import require_within_limits
from domain.ledger.resolving import resolve
from domain.ledger.transaction import (
    DESCRIPTION_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    DuplicateReference,
    TransactionDraft,
    TransactionKind,
    effective_time,
)
from domain.shared.errors import DomainError
from domain.shared.text import checked_metadata, checked_name, checked_text


def post(
    book: Book, draft: TransactionDraft, now: datetime, *, kind: TransactionKind = TransactionKind.ORDINARY
) -> list[Event]:
    """Return the events of a posting: assets and accounts used for the first time, then the transaction.

    Raises what `resolve`, `admit` and `require_within_limits` do, and `DuplicateReference`, `EffectiveInFuture`,
    `InClosedPeriod`.
    """
    try:
        return _posted(book, draft, now, kind)
    except DomainError as refusal:
        if draft.transfer is not None:
            blame_transfer(refusal)
        raise


def _posted(book: Book, draft: TransactionDraft, now: datetime, kind: TransactionKind) -> list[Event]:
    check_reference(book, draft.reference)
    resolved = resolve(book, draft)
    effective_at = effective_time(draft.effective_at, now)
    admit_time(book, effective_at)
    admit(book, resolved.entries)
    require_within_limits(book, resolved.entries, resolved.types)
    posted = TransactionPosted(
        id=draft.id,
        entries=resolved.entries,
        effective_at=effective_at,
        reference=draft.reference,
        description=checked_description(draft.description),
        kind=kind,
        metadata=checked_metadata(draft.metadata),
    )
    resolved.first.append(posted)
    return resolved.first


def check_reference(book: Book, reference: str | None) -> None:
    """Return if no transaction and no hold has the reference yet. Raises `DuplicateReference`, `ValidationFailed`.

    Stores may see to it that transactions have unique references, and holds, each by themselves. That none is in both
    follows from this check alone: it holds because those who append to a ledger decide one after the other, each seeing
    what the last one left.
    """
    if reference is None:
        return
    checked_name(reference, what="The reference", length_max=REFERENCE_LENGTH_MAX, pointer="/reference")
    taken_by = book.references.get(reference)
    if taken_by is not None:
        what = "hold" if taken_by.startswith("hold_") else "transaction"
        raise DuplicateReference(
            f"The reference {reference!r} belongs to the {what} {taken_by}.",
            pointer="/reference",
            facts={"taken_by": what},
        )


def checked_description(description: str) -> str:
    """Return the description if it can be stored; else raise `ValidationFailed`."""
    return checked_text(description, what="The description", length_max=DESCRIPTION_LENGTH_MAX, pointer="/description")

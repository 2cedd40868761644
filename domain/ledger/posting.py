"""Posting: what a transaction that was asked for becomes, given the books as they stand."""

from datetime import datetime

from domain.ledger.book import Book
from domain.ledger.events import Event, TransactionPosted
from domain.ledger.resolving import resolve
from domain.ledger.transaction import (
    DESCRIPTION_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    DuplicateReference,
    TransactionDraft,
    effective_time,
)
from domain.shared.text import checked_metadata, checked_name, checked_text


def post(book: Book, draft: TransactionDraft, now: datetime) -> list[Event]:
    """Return the events of a posting: assets and accounts used for the first time, then the transaction.

    Raises what `resolve` does, and `DuplicateReference`, `EffectiveInFuture`.
    """
    _check_reference(book, draft.reference)
    resolved = resolve(book, draft)
    effective_at = effective_time(draft.effective_at, now)
    posted = TransactionPosted(
        id=draft.id,
        entries=resolved.entries,
        effective_at=effective_at,
        reference=draft.reference,
        description=_description(draft.description),
        metadata=checked_metadata(draft.metadata),
    )
    resolved.first.append(posted)
    return resolved.first


def _check_reference(book: Book, reference: str | None) -> None:
    if reference is None:
        return
    checked_name(reference, what="The reference", length_max=REFERENCE_LENGTH_MAX, pointer="/reference")
    taken_by = book.references.get(reference)
    if taken_by is not None:
        raise DuplicateReference(
            f"The reference {reference!r} belongs to the transaction {taken_by}.", pointer="/reference"
        )


def _description(description: str) -> str:
    return checked_text(description, what="The description", length_max=DESCRIPTION_LENGTH_MAX, pointer="/description")

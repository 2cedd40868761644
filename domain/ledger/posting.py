"""Posting: what a transaction that was asked for becomes, given the books as they stand."""

from datetime import datetime

from domain.ledger.admission import admit, admit_results, admit_time
from domain.ledger.blaming import blame_asked, blame_transfer
from domain.ledger.book import Book
from domain.ledger.events import Event, TransactionPosted
from domain.ledger.judging import accepted, with_additions
from domain.ledger.limiting import require_within_limits
from domain.ledger.policy import Proposal, Way
from domain.ledger.resolving import Resolved, resolve
from domain.ledger.transaction import (
    DESCRIPTION_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    DuplicateReference,
    Entry,
    TransactionDraft,
    TransactionKind,
    effective_time,
)
from domain.shared.errors import DomainError
from domain.shared.stable import stable
from domain.shared.text import checked_metadata, checked_name, checked_text


@stable(since="0.2.0")
def post(book: Book, draft: TransactionDraft, now: datetime) -> list[Event]:
    """Return the events of a posting: assets and accounts used for the first time, then the transaction.

    Raises what `resolve`, `admit` and `require_within_limits` do, what posting policies refuse with,
    `DuplicateReference`, `EffectiveInFuture` and `InClosedPeriod`.
    """
    try:
        return _post(book, draft, now)
    except DomainError as refusal:
        if draft.transfer is not None:
            blame_transfer(refusal)
        if book.policies:
            blame_asked(refusal, len(draft.entries))
        raise


def _post(book: Book, draft: TransactionDraft, now: datetime) -> list[Event]:
    check_reference(book, draft.reference)
    resolved = resolve(book, draft)
    effective_at = effective_time(draft.effective_at, now)
    admit_time(book, effective_at)
    if book.policies:
        of = (draft.reference, draft.description, draft.metadata)
        resolved = with_additions(
            book, resolved, Proposal(Way.POSTING, draft.id, resolved.entries, effective_at, now, *of)
        )
    admit(book, resolved.entries)
    require_within_limits(book, resolved.entries, resolved.types)
    posted = _posted(draft, resolved, effective_at, TransactionKind.ORDINARY)
    return accepted(book, Way.POSTING, posted, now, resolved.first)


def post_closing(book: Book, draft: TransactionDraft, now: datetime) -> list[Event]:
    """Return the events of a closing transaction: the account of results if it is new, then the transaction.

    Limits and freezing bind the account of results, and none of income and expenses: these say what may be earned and
    spent from now on, while a closing moves what was. Raises what `post` does.
    """
    check_reference(book, draft.reference)
    resolved = resolve(book, draft)
    effective_at = effective_time(draft.effective_at, now)
    admit_time(book, effective_at)
    accounts = book.accounts
    moved: list[Entry] = []
    brought: list[Entry] = []
    for entry in resolved.entries:
        account = accounts.get(entry.account)
        (moved if account is not None and account.type.has_results else brought).append(entry)
    admit(book, brought)
    admit_results(book, moved)
    require_within_limits(book, brought, resolved.types)
    posted = _posted(draft, resolved, effective_at, TransactionKind.CLOSING)
    return accepted(book, Way.CLOSING, posted, now, resolved.first)


def _posted(
    draft: TransactionDraft, resolved: Resolved, effective_at: datetime, kind: TransactionKind
) -> TransactionPosted:
    return TransactionPosted(
        id=draft.id,
        entries=resolved.entries,
        effective_at=effective_at,
        reference=draft.reference,
        description=checked_description(draft.description),
        kind=kind,
        metadata=checked_metadata(draft.metadata),
    )


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

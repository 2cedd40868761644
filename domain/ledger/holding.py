"""Holding: how holds are placed, captured, released and expire."""

from collections.abc import Sequence
from datetime import datetime

from domain.ledger.admission import admit, admit_time
from domain.ledger.blaming import blame_asked, blame_no_entries, blame_transfer
from domain.ledger.book import Book
from domain.ledger.events import Event, HoldExpired, HoldPlaced, HoldReleased, TransactionPosted
from domain.ledger.hold import CaptureDraft, Hold, HoldDraft, HoldExceeded, HoldNotOpen, HoldStatus, ReleaseDraft
from domain.ledger.judging import accepted, with_additions
from domain.ledger.limiting import require_within_limits
from domain.ledger.parts import excess, part_of
from domain.ledger.policy import Proposal, Way
from domain.ledger.posting import check_reference, checked_description
from domain.ledger.resolving import resolve
from domain.ledger.transaction import Entry, effective_time
from domain.shared.chain import format_time
from domain.shared.errors import DomainError, ValidationFailed
from domain.shared.text import checked_metadata, checked_reason


def place(book: Book, draft: HoldDraft, now: datetime) -> list[Event]:
    """Return the events of a hold: assets and accounts used for the first time, then the hold.

    Raises what `post` does, except for what is said of effective times, and `ValidationFailed` for an expiry that is
    not in the future.
    """
    try:
        return _placed(book, draft, now)
    except DomainError as refusal:
        if draft.transfer is not None:
            blame_transfer(refusal)
        if book.policies:
            blame_asked(refusal, len(draft.entries))
        raise


def _placed(book: Book, draft: HoldDraft, now: datetime) -> list[Event]:
    check_reference(book, draft.reference)
    resolved = resolve(book, draft)
    if draft.expires_at is not None and draft.expires_at <= now:
        raise ValidationFailed(
            f"The hold would expire at {format_time(draft.expires_at)}; here it is {format_time(now)}.",
            pointer="/expires_at",
        )
    if book.policies:
        of = (draft.reference, draft.description, draft.metadata)
        resolved = with_additions(book, resolved, Proposal(Way.HOLD, draft.id, resolved.entries, now, now, *of))
    admit(book, resolved.entries)
    require_within_limits(book, resolved.entries, resolved.types, is_hold=True)
    placed = HoldPlaced(
        id=draft.id,
        entries=resolved.entries,
        expires_at=draft.expires_at,
        reference=draft.reference,
        description=checked_description(draft.description),
        metadata=checked_metadata(draft.metadata),
    )
    return accepted(book, Way.HOLD, placed, now, resolved.first)


def capture(book: Book, draft: CaptureDraft, now: datetime) -> list[Event]:
    """Return the transaction that captures from a hold. It moves nothing that its hold did not reserve.

    Raises `NotFound`, `HoldNotOpen`, `HoldExceeded`, `UnbalancedTransaction`, `DuplicateReference`,
    `EffectiveInFuture`, `InClosedPeriod`, `FrozenLedger`, `ArchivedAccount`, `FrozenAccount`, `ValidationFailed`, and
    what posting policies refuse with.
    """
    try:
        return _captured(book, draft, now)
    except DomainError as refusal:
        if not draft.entries:
            blame_no_entries(refusal)
        raise


def _captured(book: Book, draft: CaptureDraft, now: datetime) -> list[Event]:
    hold = _open_hold(book, draft.hold)
    check_reference(book, draft.reference)
    entries = part_of(book, hold.left, draft.entries)
    _check_held(hold, entries)
    effective_at = effective_time(draft.effective_at, now)
    admit_time(book, effective_at)
    admit(book, entries)
    description = hold.description if draft.description is None else draft.description
    captured = TransactionPosted(
        id=draft.id,
        entries=entries,
        effective_at=effective_at,
        reference=draft.reference,
        description=checked_description(description),
        metadata=checked_metadata(draft.metadata),
        hold=hold.id,
        is_final=draft.is_final,
    )
    return accepted(book, Way.CAPTURE, captured, now)


def release(book: Book, draft: ReleaseDraft) -> list[Event]:
    """Return the release of all that is left of a hold. Raises `NotFound`, `HoldNotOpen`, `ValidationFailed`."""
    hold = _open_hold(book, draft.hold)
    return [HoldReleased(hold.id, checked_reason(draft.reason, is_required=False))]


def expire(book: Book, ids: Sequence[str], now: datetime) -> list[Event]:
    """Return the expiry of those of the holds that are open still and due."""
    holds = [book.hold(id) for id in ids]
    return [
        HoldExpired(hold.id)
        for hold in holds
        if hold.status is HoldStatus.OPEN and hold.expires_at is not None and hold.expires_at <= now
    ]


def _open_hold(book: Book, id: str) -> Hold:
    hold = book.hold(id)
    if hold.status is not HoldStatus.OPEN:
        raise HoldNotOpen(
            f"The hold {id} is {hold.status.value}.", facts={"hold": id, "hold_status": hold.status.value}
        )
    return hold


def _check_held(hold: Hold, entries: Sequence[Entry]) -> None:
    over = excess(hold.left, entries)
    if over is not None:
        raise HoldExceeded(
            f"The hold {hold.id} has {over.left} {over.asset} left to {over.direction.value} {over.account}: "
            f"{over.asked} were asked.",
            pointer="/entries",
            facts={"hold": hold.id} | over.facts,
        )

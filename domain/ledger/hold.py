"""Holds: transactions that are reserved and not posted yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from domain.ledger.transaction import Entry, EntryDraft, Side, TransferDraft, touched_by
from domain.shared.errors import DomainError, ErrorKind


class HoldNotOpen(DomainError):
    """The hold was captured, released, or has expired: nothing of it is left to be captured or released."""

    code = "hold-not-open"
    kind = ErrorKind.CONFLICT
    title = "The hold is not open"


class HoldExceeded(DomainError):
    """The capture asks for more than is left of the hold on the same account, direction and asset."""

    code = "hold-exceeded"
    kind = ErrorKind.REFUSED
    title = "More than is held"


class HoldStatus(Enum):
    """What has become of a hold."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as its ledger's events have it; `number` is the sequence of the event that placed it.

    `left` is what may still be captured, per account, direction and asset, in minor units; once the hold is closed,
    what was not captured.
    """

    number: int
    id: str
    entries: tuple[Entry, ...]
    left: Mapping[Side, int]
    expires_at: datetime | None = None
    reference: str | None = None
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    status: HoldStatus = HoldStatus.OPEN


@dataclass(frozen=True, slots=True)
class HoldDraft:
    """A hold as it was asked for, with the id drawn for it (`hold_…`); its entries are those of a transaction.

    Times are UTC; without `expires_at` it stays open until it is captured or released.
    """

    id: str
    entries: tuple[EntryDraft, ...]
    expires_at: datetime | None = None
    reference: str | None = None
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    transfer: TransferDraft | None = None
    based_on: int | None = None

    def touches(self) -> list[tuple[str, str]]:
        """Return the account and the asset of each entry."""
        return touched_by(self.entries, self.transfer)


@dataclass(frozen=True, slots=True)
class CaptureDraft:
    """A capture as it was asked for, with the id drawn for its transaction (`txn_…`).

    Without entries, all that is left is captured. With `is_final`, what it leaves is released. Without a description,
    it has the hold's.
    """

    id: str
    hold: str
    entries: tuple[EntryDraft, ...] = ()
    is_final: bool = False
    effective_at: datetime | None = None
    reference: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A release as it was asked for."""

    hold: str
    reason: str = ""


Resolution = CaptureDraft | ReleaseDraft

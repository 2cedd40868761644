"""What happens to holds, besides being captured: a capture is a transaction that is posted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from domain.ledger.events.account import Data
from domain.ledger.events.transaction import entries_data
from domain.ledger.transaction import Entry
from domain.shared.chain import format_time


@dataclass(frozen=True, slots=True)
class HoldPlaced:
    """A balanced transaction was reserved, until it expires (UTC), if it does."""

    type: ClassVar[str] = "hold.placed"
    id: str
    entries: tuple[Entry, ...]
    expires_at: datetime | None = None
    reference: str | None = None
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {
            "description": self.description,
            "entries": entries_data(self.entries),
            "expires_at": None if self.expires_at is None else format_time(self.expires_at),
            "id": self.id,
            "metadata": dict(self.metadata),
            "reference": self.reference,
        }


@dataclass(frozen=True, slots=True)
class HoldReleased:
    """What was left of a hold is free again."""

    type: ClassVar[str] = "hold.released"
    id: str
    reason: str = ""

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"id": self.id, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class HoldExpired:
    """What was left of a hold is free again, since its time is over."""

    type: ClassVar[str] = "hold.expired"
    id: str

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"id": self.id}

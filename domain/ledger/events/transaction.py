"""What happens to transactions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from domain.ledger.asset import format_amount
from domain.ledger.events.account import Data, before_data
from domain.ledger.transaction import Entry, TransactionKind
from domain.shared.chain import format_time


def entries_data(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """Return entries as events have them: amounts as text in major units."""
    return [
        {
            "account": entry.account,
            "amount": format_amount(entry.amount, entry.asset.scale),
            "asset": entry.asset.code,
            "direction": entry.direction.value,
        }
        for entry in entries
    ]


@dataclass(frozen=True, slots=True)
class TransactionPosted:
    """A balanced transaction entered the books.

    It may capture from the hold of the id `hold`, whose rest `is_final` releases; or it `reverses` the transaction of
    that id, as far as its entries go.
    """

    type: ClassVar[str] = "transaction.posted"
    id: str
    entries: tuple[Entry, ...]
    effective_at: datetime
    reference: str | None = None
    description: str = ""
    kind: TransactionKind = TransactionKind.ORDINARY
    metadata: Mapping[str, str] = field(default_factory=dict)
    hold: str | None = None
    is_final: bool = False
    reverses: str | None = None

    def data(self) -> Data:
        """Return what is hashed and shown."""
        data: Data = {
            "description": self.description,
            "effective_at": format_time(self.effective_at),
            "entries": entries_data(self.entries),
            "id": self.id,
            "kind": self.kind.value,
            "metadata": dict(self.metadata),
            "reference": self.reference,
        }
        if self.hold is not None:
            data |= {"final": self.is_final, "hold": self.hold}
        if self.reverses is not None:
            data["reverses"] = self.reverses
        return data


@dataclass(frozen=True, slots=True)
class TransactionChanged:
    """A transaction's metadata were changed to these; its entries never change."""

    type: ClassVar[str] = "transaction.changed"
    id: str
    metadata: Mapping[str, str]
    before: Data | None = None

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"id": self.id, "metadata": dict(self.metadata), **before_data(self.before)}

"""Events: the immutable facts that a ledger's state follows from.

Each knows its `type` and the `data` that is hashed, stored and shown: JSON values only, amounts as text in major
units, times with six digits and `Z`. `parse_event` is the way back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset, format_amount, parse_amount
from domain.ledger.chart import Pattern, Rule
from domain.ledger.transaction import Direction, Entry, TransactionKind
from domain.shared.chain import format_time, parse_time

Data = dict[str, Any]  # a JSON object


@dataclass(frozen=True, slots=True)
class LedgerCreated:
    """A set of books was started; always its first event."""

    type: ClassVar[str] = "ledger.created"
    name: str
    time_zone: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"metadata": dict(self.metadata), "name": self.name, "time_zone": self.time_zone}


@dataclass(frozen=True, slots=True)
class LedgerChanged:
    """A ledger's name or metadata were changed to these."""

    type: ClassVar[str] = "ledger.changed"
    name: str
    metadata: Mapping[str, str]

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"metadata": dict(self.metadata), "name": self.name}


@dataclass(frozen=True, slots=True)
class AssetRegistered:
    """An asset got its scale; again, while it is unused, to correct it."""

    type: ClassVar[str] = "asset.registered"
    code: str
    scale: int

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"code": self.code, "scale": self.scale}


@dataclass(frozen=True, slots=True)
class ChartSet:
    """The ledger's chart was replaced by these rules."""

    type: ClassVar[str] = "chart.set"
    rules: tuple[Rule, ...]

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"rules": [{"pattern": rule.pattern.text, "type": rule.type.value} for rule in self.rules]}


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """An account was opened, by request or by its first entry."""

    type: ClassVar[str] = "account.opened"
    account: str
    account_type: AccountType
    metadata: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"account": self.account, "metadata": dict(self.metadata), "type": self.account_type.value}


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """An account's metadata were changed to these."""

    type: ClassVar[str] = "account.changed"
    account: str
    metadata: Mapping[str, str]

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"account": self.account, "metadata": dict(self.metadata)}


@dataclass(frozen=True, slots=True)
class TransactionPosted:
    """A balanced transaction entered the books."""

    type: ClassVar[str] = "transaction.posted"
    id: str
    entries: tuple[Entry, ...]
    effective_at: datetime
    reference: str | None = None
    description: str = ""
    kind: TransactionKind = TransactionKind.ORDINARY
    metadata: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {
            "description": self.description,
            "effective_at": format_time(self.effective_at),
            "entries": [
                {
                    "account": entry.account,
                    "amount": format_amount(entry.amount, entry.asset.scale),
                    "asset": entry.asset.code,
                    "direction": entry.direction.value,
                }
                for entry in self.entries
            ],
            "id": self.id,
            "kind": self.kind.value,
            "metadata": dict(self.metadata),
            "reference": self.reference,
        }


@dataclass(frozen=True, slots=True)
class TransactionChanged:
    """A transaction's metadata were changed to these; its entries never change."""

    type: ClassVar[str] = "transaction.changed"
    id: str
    metadata: Mapping[str, str]

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"id": self.id, "metadata": dict(self.metadata)}


Event = (
    LedgerCreated
    | LedgerChanged
    | AssetRegistered
    | ChartSet
    | AccountOpened
    | AccountChanged
    | TransactionPosted
    | TransactionChanged
)

AssetOf = Callable[[str], Asset]


def parse_event(event_type: str, data: Mapping[str, Any], asset_of: AssetOf) -> Event:
    """Return the event whose `type` and `data` were stored; `asset_of` knows the scales registered before it.

    Raises `KeyError` or `ValueError` for what no version of Partita wrote.
    """
    return _PARSERS[event_type](data, asset_of)


def _parse_posted(data: Mapping[str, Any], asset_of: AssetOf) -> TransactionPosted:
    entries = []
    for entry in data["entries"]:
        asset = asset_of(entry["asset"])
        amount = parse_amount(entry["amount"], asset)
        entries.append(Entry(entry["account"], Direction(entry["direction"]), amount, asset))
    return TransactionPosted(
        id=data["id"],
        entries=tuple(entries),
        effective_at=parse_time(data["effective_at"]),
        reference=data["reference"],
        description=data["description"],
        kind=TransactionKind(data["kind"]),
        metadata=data["metadata"],
    )


_PARSERS: dict[str, Callable[[Mapping[str, Any], AssetOf], Event]] = {
    LedgerCreated.type: lambda data, _: LedgerCreated(data["name"], data["time_zone"], data["metadata"]),
    LedgerChanged.type: lambda data, _: LedgerChanged(data["name"], data["metadata"]),
    AssetRegistered.type: lambda data, _: AssetRegistered(data["code"], data["scale"]),
    ChartSet.type: lambda data, _: ChartSet(
        tuple(Rule(Pattern(rule["pattern"]), AccountType(rule["type"])) for rule in data["rules"])
    ),
    AccountOpened.type: lambda data, _: AccountOpened(data["account"], AccountType(data["type"]), data["metadata"]),
    AccountChanged.type: lambda data, _: AccountChanged(data["account"], data["metadata"]),
    TransactionPosted.type: _parse_posted,
    TransactionChanged.type: lambda data, _: TransactionChanged(data["id"], data["metadata"]),
}

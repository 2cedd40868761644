"""The way back from what is stored to events."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset, parse_amount, parse_signed_amount
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AccountUnfrozen,
    AssetRegistered,
    AttachmentAdded,
    AttachmentRemoved,
    ChartSet,
    Event,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    LedgerArchived,
    LedgerChanged,
    LedgerCreated,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
    PeriodClosed,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.limit import Limit
from domain.ledger.transaction import Direction, Entry, TransactionKind
from domain.shared.chain import parse_time
from domain.shared.patterns import Pattern

AssetOf = Callable[[str], Asset]
Stored = Mapping[str, Any]


def parse_event(event_type: str, data: Stored, asset_of: AssetOf) -> Event:
    """Return the event whose `type` and `data` were stored; `asset_of` knows the scales registered before it.

    Raises `KeyError` or `ValueError` for what no version of Partita wrote.
    """
    return _PARSERS[event_type](data, asset_of)


def _entries(data: Stored, asset_of: AssetOf) -> tuple[Entry, ...]:
    entries = []
    for entry in data["entries"]:
        asset = asset_of(entry["asset"])
        amount = parse_amount(entry["amount"], asset)
        entries.append(Entry(entry["account"], Direction(entry["direction"]), amount, asset))
    return tuple(entries)


def _limits(data: Stored, asset_of: AssetOf) -> tuple[Limit, ...]:
    limits = []
    for limit in data.get("limits", ()):
        asset = asset_of(limit["asset"])
        bounds = [
            None if limit[name] is None else parse_signed_amount(limit[name], asset) for name in ("minimum", "maximum")
        ]
        limits.append(Limit(Asset(asset.code, asset.scale), *bounds))
    return tuple(limits)


def _directions(data: Stored) -> frozenset[Direction]:
    return frozenset(map(Direction, data["directions"]))


def _posted(data: Stored, asset_of: AssetOf) -> TransactionPosted:
    return TransactionPosted(
        id=data["id"],
        entries=_entries(data, asset_of),
        effective_at=parse_time(data["effective_at"]),
        reference=data["reference"],
        description=data["description"],
        kind=TransactionKind(data["kind"]),
        metadata=data["metadata"],
        hold=data.get("hold"),
        is_final=data.get("final", False),
        reverses=data.get("reverses"),
    )


def _placed(data: Stored, asset_of: AssetOf) -> HoldPlaced:
    return HoldPlaced(
        id=data["id"],
        entries=_entries(data, asset_of),
        expires_at=None if data["expires_at"] is None else parse_time(data["expires_at"]),
        reference=data["reference"],
        description=data["description"],
        metadata=data["metadata"],
    )


def _closed(data: Stored, _: AssetOf) -> PeriodClosed:
    return PeriodClosed(
        id=data["id"],
        starts_on=None if data["starts_on"] is None else date.fromisoformat(data["starts_on"]),
        starts_at=None if data["starts_at"] is None else parse_time(data["starts_at"]),
        ends_on=date.fromisoformat(data["ends_on"]),
        ends_at=parse_time(data["ends_at"]),
        reason=data["reason"],
    )


def _subject(data: Stored) -> Subject:
    (kind,) = [kind for kind in SubjectKind if kind.value in data]
    return Subject(kind, data[kind.value])


def _added(data: Stored, _: AssetOf) -> AttachmentAdded:
    digest = bytes.fromhex(data["sha256"])
    return AttachmentAdded(
        Attachment(data["id"], _subject(data), data["name"], data["media_type"], data["size"], digest)
    )


def _chart(data: Stored, asset_of: AssetOf) -> ChartSet:
    return ChartSet(
        tuple(
            Rule(Pattern(rule["pattern"]), AccountType(rule["type"]), _limits(rule, asset_of)) for rule in data["rules"]
        ),
        data.get("before"),
    )


_PARSERS: dict[str, Callable[[Stored, AssetOf], Event]] = {
    LedgerCreated.type: lambda data, _: LedgerCreated(data["name"], data["time_zone"], data["metadata"]),
    LedgerChanged.type: lambda data, _: LedgerChanged(data["name"], data["metadata"], data.get("before")),
    LedgerFrozen.type: lambda data, _: LedgerFrozen(data["reason"]),
    LedgerUnfrozen.type: lambda data, _: LedgerUnfrozen(data["reason"]),
    LedgerArchived.type: lambda data, _: LedgerArchived(data["reason"]),
    LedgerRestored.type: lambda data, _: LedgerRestored(data["reason"]),
    AssetRegistered.type: lambda data, _: AssetRegistered(data["code"], data["scale"], data.get("before")),
    ChartSet.type: _chart,
    PeriodClosed.type: _closed,
    PeriodReopened.type: lambda data, _: PeriodReopened(data["id"], data["reason"]),
    AccountOpened.type: lambda data, asset_of: AccountOpened(
        data["account"], AccountType(data["type"]), data["metadata"], _limits(data, asset_of)
    ),
    AccountChanged.type: lambda data, asset_of: AccountChanged(
        data["account"], data["metadata"], _limits(data, asset_of), data.get("before")
    ),
    AccountFrozen.type: lambda data, _: AccountFrozen(data["account"], _directions(data), data["reason"]),
    AccountUnfrozen.type: lambda data, _: AccountUnfrozen(data["account"], _directions(data), data["reason"]),
    AccountArchived.type: lambda data, _: AccountArchived(data["account"], data["reason"]),
    AccountRestored.type: lambda data, _: AccountRestored(data["account"], data["reason"]),
    TransactionPosted.type: _posted,
    TransactionChanged.type: lambda data, _: TransactionChanged(data["id"], data["metadata"], data.get("before")),
    HoldPlaced.type: _placed,
    HoldReleased.type: lambda data, _: HoldReleased(data["id"], data["reason"]),
    HoldExpired.type: lambda data, _: HoldExpired(data["id"]),
    AttachmentAdded.type: _added,
    AttachmentRemoved.type: lambda data, _: AttachmentRemoved(
        data["id"], _subject(data), bytes.fromhex(data["sha256"]), data["reason"]
    ),
}

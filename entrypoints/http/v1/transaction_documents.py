"""Transactions as they are shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict

from application.ledger.ports import Applied
from application.ledger.readers import TransactionView
from domain.ledger.asset import format_amount
from domain.ledger.effect import Line
from domain.ledger.events import TransactionPosted
from domain.ledger.transaction import TransactionKind
from domain.shared.chain import format_time


class EntryDocument(TypedDict):
    """An entry, and the balance that it left on its account, on the account's normal side."""

    account: str
    direction: Literal["debit", "credit"]
    amount: str
    asset: str
    balance_after: str


class TransactionDocument(TypedDict):
    """A transaction; `id` and `sequence` are null in a dry run.

    `hold` is what it captured from. `reversed_by` are the first 20 that reverse it.
    """

    id: str | None
    sequence: int | None
    status: Literal["posted"]
    kind: str
    reference: str | None
    description: str
    effective_at: str
    recorded_at: str
    entries: list[EntryDocument]
    metadata: Mapping[str, str]
    version: int
    hold: str | None
    reverses: str | None
    reversed_by: list[str]


def view_document(view: TransactionView) -> TransactionDocument:
    """Return a stored transaction as it is shown."""
    return _document(
        id=view.id,
        sequence=view.sequence,
        kind=view.kind,
        reference=view.reference,
        description=view.description,
        effective_at=view.effective_at,
        recorded_at=view.recorded_at,
        lines=view.entries,
        metadata=view.metadata,
        version=view.version,
        hold=view.hold,
        reverses=view.reverses,
        reversed_by=view.reversed_by,
    )


def posted_document(applied: Applied) -> TransactionDocument:
    """Return a transaction that was just posted, or would be, as it is shown."""
    event = applied.event
    assert isinstance(event, TransactionPosted)
    recorded = applied.recorded
    return _document(
        id=event.id if recorded else None,
        sequence=recorded.sequence if recorded else None,
        kind=event.kind,
        reference=event.reference,
        description=event.description,
        effective_at=event.effective_at,
        recorded_at=applied.recorded_at,
        lines=applied.lines,
        metadata=event.metadata,
        version=1,
        hold=event.hold,
        reverses=event.reverses,
    )


def _document(
    *,
    id: str | None,
    sequence: int | None,
    kind: TransactionKind,
    reference: str | None,
    description: str,
    effective_at: datetime,
    recorded_at: datetime,
    lines: Sequence[Line],
    metadata: Mapping[str, str],
    version: int,
    hold: str | None,
    reverses: str | None,
    reversed_by: Sequence[str] = (),
) -> TransactionDocument:
    return {
        "id": id,
        "sequence": sequence,
        "status": "posted",
        "kind": kind.value,
        "reference": reference,
        "description": description,
        "effective_at": format_time(effective_at),
        "recorded_at": format_time(recorded_at),
        "entries": [_entry_document(line) for line in lines],
        "metadata": metadata,
        "version": version,
        "hold": hold,
        "reverses": reverses,
        "reversed_by": list(reversed_by),
    }


def _entry_document(line: Line) -> EntryDocument:
    entry, scale = line.entry, line.entry.asset.scale
    return {
        "account": entry.account,
        "direction": entry.direction.value,
        "amount": format_amount(entry.amount, scale),
        "asset": entry.asset.code,
        "balance_after": format_amount(line.balance.posted(line.account.type), scale),
    }

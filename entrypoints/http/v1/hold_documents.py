"""Holds as they are shown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from application.ledger.hold_reader import HoldView
from application.ledger.ports import Applied, Outcome
from domain.ledger.asset import format_amount
from domain.ledger.changes import placed_hold
from domain.ledger.events import HoldPlaced
from domain.ledger.parts import left_of_each
from domain.shared.chain import format_time
from entrypoints.http.v1.transaction_documents import TransactionDocument


class HeldEntryDocument(TypedDict):
    """An entry of a hold, and what is left of it to capture; once the hold is closed, what was not captured."""

    account: str
    direction: Literal["debit", "credit"]
    amount: str
    asset: str
    left: str


class HoldDocument(TypedDict):
    """A hold; `id` and `sequence` are null in a dry run. `captures` are the first 20 transactions that captured it."""

    id: str | None
    sequence: int | None
    status: Literal["open", "captured", "released", "expired"]
    reference: str | None
    description: str
    expires_at: str | None
    placed_at: str
    closed_at: str | None
    metadata: Mapping[str, str]
    entries: list[HeldEntryDocument]
    captures: list[str]


class ResolutionDocument(TypedDict):
    """What came of one resolution: the transaction of a capture, or the hold that was released."""

    index: int
    action: Literal["capture", "release"]
    transaction: NotRequired[TransactionDocument]
    hold: NotRequired[HoldDocument]


class ResolutionsDocument(TypedDict):
    """One result for each resolution, in order."""

    results: list[ResolutionDocument]


def hold_document(view: HoldView) -> HoldDocument:
    """Return a hold as it is shown."""
    hold = view.hold
    left = left_of_each(hold.entries, hold.left)
    return {
        "id": hold.id,
        "sequence": hold.number,
        "status": hold.status.value,
        "reference": hold.reference,
        "description": hold.description,
        "expires_at": None if hold.expires_at is None else format_time(hold.expires_at),
        "placed_at": format_time(view.placed_at),
        "closed_at": None if view.closed_at is None else format_time(view.closed_at),
        "metadata": hold.metadata,
        "entries": [
            {
                "account": entry.account,
                "direction": entry.direction.value,
                "amount": format_amount(entry.amount, entry.asset.scale),
                "asset": entry.asset.code,
                "left": format_amount(of_entry, entry.asset.scale),
            }
            for entry, of_entry in zip(hold.entries, left, strict=True)
        ],
        "captures": list(view.captures),
    }


def placed_document(applied: Applied) -> HoldDocument:
    """Return a hold that was just placed, or would be, as it is shown."""
    assert isinstance(applied.event, HoldPlaced)
    sequence = applied.recorded.sequence if applied.recorded else 0
    document = hold_document(HoldView(placed_hold(sequence, applied.event), applied.recorded_at))
    if applied.recorded is None:
        return {**document, "id": None, "sequence": None}
    return document


def released_document(view: HoldView, outcome: Outcome) -> HoldDocument:
    """Return a hold that was released, as it is stored; or as the dry run of its release would leave it."""
    if outcome.book is not None:
        view = replace(view, hold=outcome.book.hold(view.hold.id), closed_at=outcome.applied[-1].recorded_at)
    return hold_document(view)

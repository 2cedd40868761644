"""Events: the immutable facts that a ledger's state follows from.

Each knows its `type` and the `data` that is hashed, stored and shown: JSON values only, amounts as text in major
units, times with six digits and `Z`. What does not apply to an event is left out. `parse_event` is the way back.
"""

from typing import Final, get_args

from domain.ledger.events.account import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AccountUnfrozen,
)
from domain.ledger.events.attachment import AttachmentAdded, AttachmentRemoved
from domain.ledger.events.hold import HoldExpired, HoldPlaced, HoldReleased
from domain.ledger.events.ledger import (
    AssetRegistered,
    ChartSet,
    LedgerArchived,
    LedgerChanged,
    LedgerCreated,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
    PeriodClosed,
    PeriodReopened,
)
from domain.ledger.events.transaction import TransactionChanged, TransactionPosted

Event = (
    LedgerCreated
    | LedgerChanged
    | LedgerFrozen
    | LedgerUnfrozen
    | LedgerArchived
    | LedgerRestored
    | AssetRegistered
    | ChartSet
    | PeriodClosed
    | PeriodReopened
    | AccountOpened
    | AccountChanged
    | AccountFrozen
    | AccountUnfrozen
    | AccountArchived
    | AccountRestored
    | TransactionPosted
    | TransactionChanged
    | HoldPlaced
    | HoldReleased
    | HoldExpired
    | AttachmentAdded
    | AttachmentRemoved
)
"""Stable since 0.2.0: what happens to a ledger, as `post` and `reverse` return it."""

EVENT_TYPES: Final = tuple(sorted(each.type for each in get_args(Event)))
"""What types of events there are."""

__all__ = [
    "EVENT_TYPES",
    "AccountArchived",
    "AccountChanged",
    "AccountFrozen",
    "AccountOpened",
    "AccountRestored",
    "AccountUnfrozen",
    "AssetRegistered",
    "AttachmentAdded",
    "AttachmentRemoved",
    "ChartSet",
    "Event",
    "HoldExpired",
    "HoldPlaced",
    "HoldReleased",
    "LedgerArchived",
    "LedgerChanged",
    "LedgerCreated",
    "LedgerFrozen",
    "LedgerRestored",
    "LedgerUnfrozen",
    "PeriodClosed",
    "PeriodReopened",
    "TransactionChanged",
    "TransactionPosted",
]

"""What is seen of accounts and transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.ledger.account import Account
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.effect import Line
from domain.ledger.held import NOTHING_HELD, Held
from domain.ledger.transaction import TransactionKind


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account, and when it was opened (UTC)."""

    account: Account
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class AssetBalance:
    """What is posted to an account in one asset, and what open holds reserve of it."""

    asset: Asset
    balance: Balance
    held: Held = NOTHING_HELD


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transaction with its entries in order, and the first 20 that reverse it. Times are UTC."""

    id: str
    sequence: int
    kind: TransactionKind
    reference: str | None
    description: str
    effective_at: datetime
    recorded_at: datetime
    metadata: Mapping[str, str]
    version: int
    entries: Sequence[Line]
    hold: str | None = None
    reverses: str | None = None
    reversed_by: Sequence[str] = ()

"""The port that reads across accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.ledger.spans import AsOf
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance


@dataclass(frozen=True, slots=True)
class TrialBalanceLine:
    """What one account has seen of one asset."""

    path: str
    type: AccountType
    asset: Asset
    balance: Balance


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """Every account that anything was posted to, by path and asset, as of a sequence (and of a time, if asked for)."""

    sequence: int
    lines: Sequence[TrialBalanceLine]


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What an account, by its number and path, holds of one asset, in minor units and debit-positive.

    It is None where nothing was posted to it yet.
    """

    number: int
    path: str
    debit_balance: int | None


class ReportReader(Protocol):
    """Reads across accounts."""

    async def trial_balance(self, slug: str, *, as_of: AsOf) -> TrialBalance:
        """Return the trial balance as seen from there; with a bound in time, versions and sequences of lines are 0."""
        ...

    async def closings(self, slug: str, *, since: datetime | None, as_of: AsOf) -> Sequence[TrialBalanceLine]:
        """Return what closing transactions effective from `since` on (UTC) have posted, as seen from there."""
        ...

    async def balances_of_asset(
        self, slug: str, asset: str, *, sequence: int, after: int, limit: int
    ) -> Sequence[AccountBalance]:
        """Return what accounts hold of the asset after the event of a sequence, by number: so many, `after` a number.

        There are none left where this returns none. Raises `LedgerNotFound`.
        """
        ...

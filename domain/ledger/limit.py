"""Limits: floors and ceilings of accounts, per asset."""

from dataclasses import dataclass

from domain.ledger.asset import Asset, format_amount
from domain.shared.errors import DomainError, ErrorKind


class InsufficientFunds(DomainError):
    """The account would fall below its floor, the `minimum` of its limits. Nothing was moved.

    `available` is what is posted there, less what holds may take; `asked` is by how much it would have fallen. An
    account that is below its floor already takes whatever does not make that worse.
    """

    code = "insufficient-funds"
    kind = ErrorKind.REFUSED
    title = "Insufficient funds"


class LimitExceeded(DomainError):
    """The account would rise above its ceiling, the `maximum` of its limits. Nothing was moved.

    What holds may bring counts as if it were there. An account that is above its ceiling already takes whatever does
    not make that worse.
    """

    code = "limit-exceeded"
    kind = ErrorKind.REFUSED
    title = "The limit is exceeded"


@dataclass(frozen=True, slots=True)
class Limit:
    """How far the balance in one asset may go, in minor units on the account's normal side; None is without a bound.

    With neither bound, it lifts the limit that the chart gives.
    """

    asset: Asset
    minimum: int | None = None
    maximum: int | None = None

    def data(self) -> dict[str, str | None]:
        """Return it as events and answers show it: amounts as text in major units."""
        return {
            "asset": self.asset.code,
            "maximum": None if self.maximum is None else format_amount(self.maximum, self.asset.scale),
            "minimum": None if self.minimum is None else format_amount(self.minimum, self.asset.scale),
        }


@dataclass(frozen=True, slots=True)
class LimitDraft:
    """A limit as it was asked for: amounts in major units as text, below zero with a `-`."""

    asset: str
    minimum: str | None = None
    maximum: str | None = None

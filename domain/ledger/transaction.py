"""Transactions: atomic sets of entries whose debits equal their credits, per asset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from domain.ledger.asset import Asset, format_amount
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from domain.shared.stable import stable

ENTRIES_MAX: Final = 5_000
REFERENCE_LENGTH_MAX: Final = 255
DESCRIPTION_LENGTH_MAX: Final = 1_000
CLOCK_TOLERANCE: Final = timedelta(minutes=1)


class UnbalancedTransaction(DomainError):
    """Debits and credits differ in at least one asset. They have to be equal in each: that is double entry."""

    code = "unbalanced-transaction"
    kind = ErrorKind.REFUSED
    title = "Debits and credits differ"


@stable(since="0.2.0")
class DuplicateReference(DomainError):
    """Another transaction or hold of this ledger has this reference already. Nothing was done a second time.

    The member `taken_by` says which of the two it is.
    """

    code = "duplicate-reference"
    kind = ErrorKind.CONFLICT
    title = "The reference is taken"


class ConditionFailed(DomainError):
    """The books are not as the transaction said they would be: a balance, its version, or something it is based on.

    The detail says which condition failed and what is the case. Read again, decide again, and send a new request.
    """

    code = "condition-failed"
    kind = ErrorKind.REFUSED
    title = "A condition is not met"


class NothingToMove(DomainError):
    """An amount of `all`, `up_to` or `rest` comes to nothing, or to less: there is nothing that could be moved."""

    code = "nothing-to-move"
    kind = ErrorKind.REFUSED
    title = "There is nothing to move"


class AmbiguousTransfer(DomainError):
    """A transfer goes between two accounts on the same normal side: two assets or expenses, or two of the others.

    Between any others, `from` and `to` can be read in two ways; the detail shows both. Write the two entries instead.
    """

    code = "ambiguous-transfer"
    kind = ErrorKind.REFUSED
    title = "The transfer can be read in two ways"


class EffectiveInFuture(DomainError):
    """The transaction says that it happens more than a minute from now. Post it when it has happened."""

    code = "effective-in-future"
    kind = ErrorKind.REFUSED
    title = "Not yet"


@stable(since="0.2.0")
class Direction(Enum):
    """The side of an account that an entry goes to."""

    DEBIT = "debit"
    CREDIT = "credit"

    @property
    def opposite(self) -> "Direction":
        """Return the other side."""
        return Direction.CREDIT if self is Direction.DEBIT else Direction.DEBIT


class TransactionKind(Enum):
    """Why a transaction is in the books."""

    ORDINARY = "ordinary"
    CLOSING = "closing"


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Entry:
    """One debit or credit: a positive amount, in minor units, of one asset on one account."""

    account: str
    direction: Direction
    amount: int
    asset: Asset

    @property
    def signed(self) -> int:
        """Return the amount, below zero for a credit."""
        return self.amount if self.direction is Direction.DEBIT else -self.amount


Side = tuple[str, Direction, str]
"""An account, a direction and an asset's code: what holds and reversals are counted by."""


def sides_of(entries: Iterable[Entry]) -> dict[Side, int]:
    """Return the amount on each side, in minor units, in the order in which the sides first come."""
    amounts: dict[Side, int] = {}
    for entry in entries:
        side = (entry.account, entry.direction, entry.asset.code)
        amounts[side] = amounts.get(side, 0) + entry.amount
    return amounts


ALL: Final = "all"
REST: Final = "rest"


@dataclass(frozen=True, slots=True)
class BalanceCondition:
    """What an entry asserts of the posted balance of its account and asset before the transaction.

    Amounts are in major units, as text, on the account's normal side, and may be below zero. `balance_version` counts
    the entries there have been.
    """

    at_least: str | None = None
    at_most: str | None = None
    exactly: str | None = None
    balance_version: int | None = None


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry as it was asked for, before its account and its asset are known: the amount in major units, as text.

    The amount `all` is what is available on the account, and at most `up_to`, if that is given; `rest` is what the
    other entries in the asset leave open.
    """

    account: str
    direction: Direction
    amount: str
    asset: str
    up_to: str | None = None
    condition: BalanceCondition | None = None


@dataclass(frozen=True, slots=True)
class TransferDraft:
    """A transaction told as a transfer between two accounts on the same normal side; amounts as an entry's."""

    from_account: str
    to_account: str
    amount: str
    asset: str
    up_to: str | None = None


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class TransactionDraft:
    """A transaction as it was asked for; `id` was drawn for it (`txn_…`), times are UTC, None means now.

    It has entries, or else a transfer that stands for two. `based_on` is the sequence of the ledger that the caller had
    seen: nothing that it touches may have changed since.
    """

    id: str
    entries: tuple[EntryDraft, ...]
    reference: str | None = None
    description: str = ""
    effective_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    transfer: TransferDraft | None = None
    based_on: int | None = None

    def touches(self) -> list[tuple[str, str]]:
        """Return the account and the asset of each entry."""
        return touched_by(self.entries, self.transfer)


def touched_by(entries: Iterable[EntryDraft], transfer: TransferDraft | None) -> list[tuple[str, str]]:
    """Return the account and the asset of each entry, or of both sides of the transfer."""
    if transfer is not None:
        return [(transfer.from_account, transfer.asset), (transfer.to_account, transfer.asset)]
    return [(entry.account, entry.asset) for entry in entries]


def check_balanced(entries: Sequence[Entry]) -> None:
    """Return if debits equal credits per asset, over at least two and at most 5,000 entries (rule 1).

    Raises `UnbalancedTransaction`, naming the first asset that does not balance and both sums.
    """
    if not 2 <= len(entries) <= ENTRIES_MAX:
        raise ValidationFailed(
            f"A transaction has from 2 to {ENTRIES_MAX:,} entries, not {len(entries):,}.", pointer="/entries"
        )
    surplus: dict[str, int] = {}
    for entry in entries:
        code = entry.asset.code
        signed = entry.amount if entry.direction is Direction.DEBIT else -entry.amount
        surplus[code] = surplus.get(code, 0) + signed
    if any(surplus.values()):
        raise _unbalanced(entries, next(code for code, value in surplus.items() if value))


def _unbalanced(entries: Sequence[Entry], code: str) -> UnbalancedTransaction:
    of_asset = [entry for entry in entries if entry.asset.code == code]
    scale = of_asset[0].asset.scale
    debits = sum(entry.amount for entry in of_asset if entry.direction is Direction.DEBIT)
    credits = sum(entry.amount for entry in of_asset if entry.direction is Direction.CREDIT)
    return UnbalancedTransaction(
        f"In {code}, debits are {format_amount(debits, scale)} and credits {format_amount(credits, scale)}: "
        f"they differ by {format_amount(abs(debits - credits), scale)}.",
        pointer="/entries",
    )


def effective_time(asked: datetime | None, now: datetime) -> datetime:
    """Return when the transaction takes effect: as asked, or now; up to a minute ahead counts as now (rule 9).

    Raises `EffectiveInFuture` for later.
    """
    if asked is None or now < asked <= now + CLOCK_TOLERANCE:
        return now
    if asked > now:
        raise EffectiveInFuture(
            f"The transaction would be effective at {asked.isoformat()}; here it is {now.isoformat()}.",
            pointer="/effective_at",
        )
    return asked

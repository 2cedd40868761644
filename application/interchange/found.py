"""What is found in files of other programs, whatever their format: the same few things, each with where it stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import IO, Protocol

from domain.ledger.account import AccountType
from domain.shared.stable import stable


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class FoundAsset:
    """An asset that a file declares, or shows by its amounts: with so many digits after the point."""

    place: str
    code: str
    scale: int


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class FoundAccount:
    """An account that a file declares, under the path that it has here; `type` is None where nothing tells it.

    Where the file has another name for it, that is the metadata `name`.
    """

    place: str
    path: str
    type: AccountType | None
    metadata: Mapping[str, str] = field(default_factory=dict)


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An amount on an account: a debit where it is above zero, a credit where it is below. Never zero."""

    account: str
    amount: Decimal
    asset: str


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class FoundTransaction:
    """A transaction that balances in each asset, as it would be posted.

    `reference` is the same whenever the same transaction is found again, in this file or in one that overlaps with it,
    and another for each other one: by it, nothing is posted twice.
    """

    place: str
    reference: str
    effective_at: datetime
    description: str
    entries: tuple[FoundEntry, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A statement of the file about itself that its own amounts do not bear out: a balance, a total, a count."""

    place: str
    detail: str


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of the file that is not understood, and so would not be posted; what comes after it may be."""

    place: str
    detail: str


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should know and nobody need mend: an encoding that was detected, a rounding, what was left out."""

    place: str
    detail: str


Found = FoundAsset | FoundAccount | FoundTransaction | FailedCheck | Unreadable | Remark
"""Stable since 0.2.0: what a reader of files yields."""


@stable(since="0.2.0")
class ForeignFile(Protocol):
    """A format of another program."""

    def read(self, file: IO[bytes]) -> Iterator[Found]:
        """Yield what is found from the beginning of the file, in its order, in memory that does not grow with it.

        Bad input never raises: it is yielded as `Unreadable`, with its place (`line 12`, `entry 3 of statement 1`).
        """
        ...

"""What stands in the statements of banks, whatever their format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import IO, Protocol

from application.interchange.found import FailedCheck, Remark, Unreadable


@dataclass(frozen=True, slots=True)
class StatementOpening:
    """The beginning of a statement: of which bank account, as the file names it (`""` where it does not).

    `balance` is what was on it before the first line, None where nothing tells; below zero where it was overdrawn.
    `name` is the same for no two statements of a bank account, `""` where nothing tells them apart.
    """

    place: str
    bank_account: str
    currency: str
    balance: Decimal | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Money that came in (above zero) or went out (below) of the bank account of the statement that is open.

    `bank_reference` is what the bank itself calls this line, `""` where it does not; by some formats, it calls no other
    one of the bank account so. `details` are for the metadata.
    """

    place: str
    booked_on: date
    value_on: date | None
    amount: Decimal
    currency: str
    bank_reference: str
    counterparty: str
    purpose: str
    details: Mapping[str, str] = field(default_factory=dict)
    is_reference_unique: bool = False


@dataclass(frozen=True, slots=True)
class StatementClosing:
    """The end of a statement, and what is on the bank account then: None where nothing tells."""

    place: str
    balance: Decimal | None


StatementItem = StatementOpening | StatementLine | StatementClosing | FailedCheck | Unreadable | Remark


class StatementFile(Protocol):
    """A format of bank statements."""

    def items(self, file: IO[bytes]) -> Iterator[StatementItem]:
        """Yield what a file that can be sought says, in its order; each line after the opening of its statement.

        As with `ForeignFile`, memory does not grow with the file, and bad input is yielded as `Unreadable`.
        """
        ...


class Tally(Protocol):
    """Counts by key, for as long as one file is read."""

    def before(self, key: bytes) -> int:
        """Return how often the key was asked for before, and count it."""
        ...

    def close(self) -> None:
        """Forget everything."""
        ...

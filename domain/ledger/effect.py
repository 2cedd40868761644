"""Effects: what an event adds to what is kept of accounts, holds and transactions."""

from dataclasses import dataclass

from domain.ledger.account import Account
from domain.ledger.balance import Balance
from domain.ledger.held import Held
from domain.ledger.transaction import Direction, Entry


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an account's history: an entry, and the balance that it left."""

    entry: Entry
    account: Account
    balance: Balance


@dataclass(frozen=True, slots=True)
class HeldLine:
    """What an event left held on an account, in one asset."""

    account: Account
    asset: str
    held: Held


@dataclass(frozen=True, slots=True)
class LeftLine:
    """What an event left of one side of a hold to capture, or of a transaction to reverse, in minor units.

    `number` is the sequence of the event that placed the hold or posted the transaction.
    """

    number: int
    account: Account
    direction: Direction
    asset: str
    left: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event adds: lines of histories, entry by entry; what is held on accounts; what is left of things.

    `left` has the sides that the event changed, and no others; `closes` is whether its hold is no longer open.
    """

    lines: tuple[Line, ...] = ()
    held: tuple[HeldLine, ...] = ()
    left: tuple[LeftLine, ...] = ()
    closes: bool = False


NO_EFFECT = Effect()

"""What holds reserve of an account, as running totals."""

from dataclasses import dataclass, field

from domain.ledger.account import AccountType
from domain.ledger.transaction import Direction


@dataclass(frozen=True, slots=True)
class Held:
    """What open holds may still debit and credit on one account in one asset, in minor units.

    `sequence` is that of the last event that changed it.
    """

    debits: int = 0
    credits: int = 0
    sequence: int = field(default=0, compare=False)

    def after(self, direction: Direction, amount: int, *, sequence: int) -> "Held":
        """Return what is held once the event of that sequence has added an amount (below zero: taken it away)."""
        if direction is Direction.DEBIT:
            return Held(self.debits + amount, self.credits, sequence)
        return Held(self.debits, self.credits + amount, sequence)

    def decreases(self, account_type: AccountType) -> int:
        """Return by how much open holds may make an account of that type fall."""
        return self.credits if account_type.is_debit_normal else self.debits

    def increases(self, account_type: AccountType) -> int:
        """Return by how much open holds may make an account of that type rise."""
        return self.debits if account_type.is_debit_normal else self.credits


NOTHING_HELD = Held()

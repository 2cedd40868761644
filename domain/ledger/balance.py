"""Balances: what an account holds of an asset, as running totals."""

from dataclasses import dataclass, field

from domain.ledger.account import AccountType
from domain.ledger.transaction import Direction


@dataclass(frozen=True, slots=True)
class Balance:
    """All that was ever posted to one account in one asset, in minor units; `version` counts the entries.

    `sequence` is that of the last event that posted an entry here; balances are equal whenever their totals are.
    """

    posted_debits: int = 0
    posted_credits: int = 0
    version: int = 0
    sequence: int = field(default=0, compare=False)

    def after(self, direction: Direction, amount: int, *, sequence: int) -> "Balance":
        """Return the balance that one more entry leaves, which the event of that sequence posts."""
        if direction is Direction.DEBIT:
            return Balance(self.posted_debits + amount, self.posted_credits, self.version + 1, sequence)
        return Balance(self.posted_debits, self.posted_credits + amount, self.version + 1, sequence)

    def posted(self, account_type: AccountType) -> int:
        """Return the posted balance on the normal side of that type: normal side minus other side."""
        net_debit = self.posted_debits - self.posted_credits
        return net_debit if account_type.is_debit_normal else -net_debit


NOTHING = Balance()

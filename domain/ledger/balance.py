"""Balances: what an account holds of an asset, as running totals."""

from dataclasses import dataclass

from domain.ledger.account import AccountType
from domain.ledger.transaction import Direction


@dataclass(frozen=True, slots=True)
class Balance:
    """All that was ever posted to one account in one asset, in minor units; `version` counts the entries."""

    posted_debits: int = 0
    posted_credits: int = 0
    version: int = 0

    def after(self, direction: Direction, amount: int) -> "Balance":
        """Return the balance that one more entry leaves."""
        if direction is Direction.DEBIT:
            return Balance(self.posted_debits + amount, self.posted_credits, self.version + 1)
        return Balance(self.posted_debits, self.posted_credits + amount, self.version + 1)

    def posted(self, account_type: AccountType) -> int:
        """Return the posted balance on the normal side of that type: normal side minus other side."""
        net_debit = self.posted_debits - self.posted_credits
        return net_debit if account_type.is_debit_normal else -net_debit


NOTHING = Balance()

"""Balances: what an account holds of an asset, as running totals."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.ledger.account import AccountType
from domain.ledger.transaction import Direction
from domain.shared.chain import BEGINNING_OF_TIME
from domain.shared.stable import stable


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Balance:
    """All that was ever posted to one account in one asset, in minor units; `version` counts the entries.

    `sequence` is that of the last event that posted an entry here, `latest_effective_at` the latest time (UTC) at which
    any entry is effective; an entry that comes after one that is effective later is late, and `late` counts those.
    Balances are equal whenever their totals are.
    """

    posted_debits: int = 0
    posted_credits: int = 0
    version: int = 0
    sequence: int = field(default=0, compare=False)
    latest_effective_at: datetime = field(default=BEGINNING_OF_TIME, compare=False)
    late: int = field(default=0, compare=False)

    def after(self, direction: Direction, amount: int, *, sequence: int, effective_at: datetime) -> "Balance":
        """Return the balance that one more entry leaves, which the event of that sequence posts at that time (UTC)."""
        latest, late = self.latest_effective_at, self.late
        if effective_at < latest:
            late += 1
        else:
            latest = effective_at
        if direction is Direction.DEBIT:
            debits = self.posted_debits + amount
            return Balance(debits, self.posted_credits, self.version + 1, sequence, latest, late)
        return Balance(self.posted_debits, self.posted_credits + amount, self.version + 1, sequence, latest, late)

    def posted(self, account_type: AccountType) -> int:
        """Return the posted balance on the normal side of that type: normal side minus other side."""
        net_debit = self.posted_debits - self.posted_credits
        return net_debit if account_type.is_debit_normal else -net_debit


NOTHING = Balance()

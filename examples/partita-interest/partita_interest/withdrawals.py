"""The posting policy: nobody takes more than so much from a savings account at once."""

from collections import Counter

from domain.ledger.asset import Asset, format_amount
from domain.ledger.policy import BooksSeen, PostingPolicy, Proposal, Way
from domain.ledger.transaction import Direction
from domain.shared.errors import DomainError, ErrorKind
from domain.shared.patterns import Pattern

SAVINGS = Pattern("liabilities:savings:*")


class WithdrawalTooLarge(DomainError):
    """The transaction takes more from a savings account than can be withdrawn at once. Withdraw it in parts."""

    code = "interest-withdrawal-too-large"
    kind = ErrorKind.REFUSED
    title = "Too much at once"


class WithdrawalPolicy(PostingPolicy):
    """Refuses to take more than `largest` minor units from a savings account at once, but to reverse a mistake."""

    def __init__(self, largest: int) -> None:
        self._largest = largest

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        """Raise `WithdrawalTooLarge` for one that is larger."""
        taken: Counter[tuple[str, Asset]] = Counter()
        for each in proposal.entries if proposal.way is not Way.REVERSAL else ():
            if each.direction is Direction.DEBIT and SAVINGS.matches(each.account):
                taken[each.account, each.asset] += each.amount
                if taken[each.account, each.asset] > self._largest:
                    most = f"{format_amount(self._largest, each.asset.scale)} {each.asset.code}"
                    raise WithdrawalTooLarge(f"At most {most} are taken from {each.account} at once.")

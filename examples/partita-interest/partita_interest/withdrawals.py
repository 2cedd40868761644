"""The posting policy: nobody takes more than so much from a savings account at once."""

from domain.ledger.asset import format_amount
from domain.ledger.policy import BooksSeen, PostingPolicy, Proposal
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
    """Refuses debits of savings accounts above `largest` minor units, whichever way they come."""

    def __init__(self, largest: int) -> None:
        self._largest = largest

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        """Raise `WithdrawalTooLarge` for one that is larger."""
        for each in proposal.entries:
            is_large = each.direction is Direction.DEBIT and each.amount > self._largest
            if is_large and SAVINGS.matches(each.account):
                most = f"{format_amount(self._largest, each.asset.scale)} {each.asset.code}"
                raise WithdrawalTooLarge(f"At most {most} are taken from {each.account} at once.")

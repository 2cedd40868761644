"""An office under policies, and some of those."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from application.ledger.journal import Journal
from application.ledger.place_hold import PlaceHold
from application.ledger.policies import WatchedPolicy
from application.ledger.ports import Command
from application.ledger.post_transaction import PostTransaction
from application.shared.extension_watch import ExtensionWatch
from domain.ledger.hold import HoldDraft
from domain.ledger.policy import BooksSeen, PolicyInForce, PostingPolicy, Proposal, Way
from domain.ledger.scope import AccountAsset, Scope
from domain.ledger.transaction import Direction, EntryDraft, TransactionDraft
from domain.shared.errors import DomainError, ErrorKind
from tests.application.ledger.office import Office
from tests.builders import transaction_id

SALE = ("assets:bank", "income:sales")


class TooMuch(DomainError):
    """Nothing above a hundred is posted where a test has said so."""

    code = "too-much-for-the-tests"
    kind = ErrorKind.REFUSED
    title = "Too much"


class AtMostHundred(PostingPolicy):
    """Refuses whatever is above 100.00, and remembers in which way it was asked."""

    def __init__(self) -> None:
        self.asked: list[Way] = []

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        self.asked.append(proposal.way)
        if any(entry.amount > 10_000 for entry in proposal.entries):
            raise TooMuch("It is above 100.00.")


@dataclass
class Fee(PostingPolicy):
    """Takes 0.30 from `users:…` for each posting and hold that touches it, or as much as it is told."""

    amount: str = "0.30"
    counter: str = "income:fees"
    seen: list[tuple[str, int]] = field(default_factory=list)

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        return Scope.of_entries([(self.counter, "EUR")], None)

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        self.seen.append((self.counter, books.balance(self.counter, "EUR").posted_credits))
        payers = sorted({entry.account for entry in proposal.entries if entry.account.startswith("liabilities:")})
        if not payers:
            return ()
        return (
            EntryDraft(payers[0], Direction.DEBIT, self.amount, "EUR"),
            EntryDraft(self.counter, Direction.CREDIT, self.amount, "EUR"),
        )


def in_force(*policies: PostingPolicy) -> list[PolicyInForce]:
    """The policies, as servers ask them."""
    return [
        PolicyInForce(f"p{number}", WatchedPolicy(ExtensionWatch(f"p{number}"), each))
        for number, each in enumerate(policies)
    ]


def under(office: Office, *policies: PostingPolicy) -> Office:
    """Have the office's journal ask the policies, as servers do."""
    asked = in_force(*policies)
    office.journal = Journal(office.books, office.clock, office.ids, retry_delays_seconds=(0, 0, 0), policies=asked)
    return office


def post(amount: str, accounts: tuple[str, str] = SALE, **more: Any) -> PostTransaction:
    given, taken = accounts
    entries = (EntryDraft(given, Direction.DEBIT, amount, "EUR"), EntryDraft(taken, Direction.CREDIT, amount, "EUR"))
    return PostTransaction(TransactionDraft(transaction_id(), entries, **more))


def hold(id: str, amount: str) -> PlaceHold:
    return PlaceHold(HoldDraft(id, post(amount).draft.entries))


class Raising(PostingPolicy):
    """Fails in one of its methods."""

    def __init__(self, method: str, error: Callable[[], Any]) -> None:
        def fail(*_: object) -> Any:
            return error()

        setattr(self, method, fail)


def bug() -> None:
    """Fail, as something with a bug does."""
    raise ZeroDivisionError("a bug of theirs")


class Panic(BaseException):
    """What a library in Rust raises, past everyone who catches exceptions."""


def panic() -> None:
    """Raise what is no `Exception`."""
    raise Panic


def cancel() -> None:
    """Raise what says that the task is cancelled, which it is not."""
    raise asyncio.CancelledError


async def answer_of(office: Office, command: Command) -> Any:
    try:
        return await office.submit(command)
    except Exception as error:
        return error

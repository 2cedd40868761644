"""Nothing is entered where policies and commands of extensions have not looked: its balance would be wrong."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.books import PostgresBooks
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.ledger.journal import Journal
from application.ledger.place_hold import PlaceHold
from application.ledger.policies import WatchedPolicy
from application.ledger.ports import Command, LedgerAddress, Outcome
from application.ledger.post_transaction import PostTransaction
from application.shared.extension_watch import ExtensionWatch
from domain.ledger.balance import Balance
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.hold import HoldDraft
from domain.ledger.policy import BooksSeen, PolicyFailed, PolicyInForce, PostingPolicy, Proposal
from domain.ledger.posting import post
from domain.ledger.scope import AccountAsset, Scope, ScopeTooNarrow
from domain.ledger.transaction import EntryDraft
from tests.adapters.ledger.by_hand import NewLedger
from tests.builders import credit, debit, hold_id, payment, principal

FEES, TAX, RESERVE = "income:fees", "liabilities:tax", "assets:reserve"
IDS = TypeIds()


@dataclass
class Adds(PostingPolicy):
    """Adds 0.30 from the bank to an account, having named what it is told to name."""

    account: str
    named: Scope

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        return self.named

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        return debit("assets:bank", "0.30"), credit(self.account, "0.30")


class AddsTax(PostingPolicy):
    """Adds 0.01 of tax for each fee, to an account that it derives from that of the fee."""

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        return Scope.of_entries([(f"{path}:tax", code) for path, code in touched if path == FEES], None)

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        paths = {each.account for each in proposal.entries if each.account == FEES}
        return [entry for path in paths for entry in (debit("assets:bank", "0.01"), credit(f"{path}:tax", "0.01"))]


@dataclass(frozen=True, slots=True)
class Heedless(PostTransaction):
    """Posts, as a command of an extension might, without having named the balances."""

    def scope(self) -> Scope:
        return replace(PostTransaction.scope(self), balances=())

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        return post(book, self.draft, now)


@dataclass
class Books:
    """A ledger in PostgreSQL, and new processes that write to it."""

    engine: AsyncEngine
    address: LedgerAddress

    async def submit(self, command: Command, *policies: PostingPolicy) -> Outcome:
        """Do the command in a process that retains nothing of those before it."""
        in_force = [
            PolicyInForce(f"p{number}", WatchedPolicy(ExtensionWatch(f"p{number}"), each))
            for number, each in enumerate(policies)
        ]
        journal = Journal(PostgresBooks(self.engine), SystemClock(), IDS, policies=in_force)
        who = principal(organisation_id=self.address.organisation_id)
        return await journal.submit(who, self.address.slug, command, request_id="req_1")

    async def balance(self, account: str) -> Balance:
        """Return what its last row says."""
        async with PostgresBooks(self.engine).snapshot(self.address) as snapshot:
            book = await snapshot.load(Scope(balances=[(account, "EUR")]))
        return book.balance(account, "EUR")


@pytest.fixture
async def books(journal_engine: AsyncEngine, new_ledger: NewLedger) -> Books:
    books = Books(journal_engine, await new_ledger())
    await books.submit(PostTransaction(payment("5.00", credit_to=FEES)))
    return books


def hold() -> PlaceHold:
    return PlaceHold(HoldDraft(hold_id(), (debit("assets:bank", "1.00"), credit("income:sales", "1.00"))))


@pytest.mark.parametrize(
    "named",
    [Scope(), Scope(accounts=[FEES]), Scope(accounts=[FEES], balances=[(FEES, "USD")]), Scope(assets=["EUR"])],
    ids=["nothing", "no balance", "another asset", "no account"],
)
async def test_what_a_policy_adds_where_it_has_not_looked_is_refused_by_its_name(books: Books, named: Scope) -> None:
    for command in (PostTransaction(payment("1.00")), hold()):
        with pytest.raises(PolicyFailed, match=r"scope does not name income:fees in EUR") as refusal:
            await books.submit(command, Adds(FEES, named))
        assert refusal.value.facts == {"extension": "p0"}
    fees = await books.balance(FEES)
    assert (fees.posted_credits, fees.version) == (500, 1)
    outcome = await books.submit(PostTransaction(payment("1.00")), Adds(FEES, Scope.of_entries([(FEES, "EUR")], None)))
    assert outcome.applied
    fees = await books.balance(FEES)
    assert (fees.posted_credits, fees.version) == (530, 2)


async def test_a_policy_can_name_what_follows_from_what_those_before_it_add(books: Books) -> None:
    for _ in range(2):
        await books.submit(
            PostTransaction(payment("1.00")), Adds(FEES, Scope.of_entries([(FEES, "EUR")], None)), AddsTax()
        )
    tax = await books.balance(f"{FEES}:tax")
    assert (tax.posted_credits, tax.version) == (2, 2)


async def test_what_a_command_enters_where_it_has_not_looked_is_not_kept(books: Books) -> None:
    with pytest.raises(ScopeTooNarrow, match="was not looked at in EUR"):
        await books.submit(Heedless(payment("1.00", credit_to=FEES)))
    fees = await books.balance(FEES)
    assert (fees.posted_credits, fees.version) == (500, 1)

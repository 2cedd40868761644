"""What keeps the contracts that extensions are tried by, here; and that what breaks one is noticed."""

from collections.abc import Sequence
from typing import Any

import pytest

from adapters.memory import CountedIds, ManualClock
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.interchange.formats import FORMATS, FileType
from application.ledger.ports import Command
from application.ledger.post_transaction import PostTransaction
from application.ledger.reverse_transactions import ReverseTransaction
from application.shared.ports import Clock, Ids
from domain.ledger.policy import BooksSeen, PostingPolicy, Proposal
from domain.ledger.posted import ReversalDraft
from domain.ledger.scope import Scope, ScopeTooNarrow
from domain.ledger.transaction import EntryDraft
from entrypoints.container.in_memory import SLUG, LedgerInMemory
from entrypoints.testing.clocks import ClockContract, IdsContract
from entrypoints.testing.commands import CommandContract
from entrypoints.testing.formats import LedgerFormatContract
from entrypoints.testing.policies import PostingPolicyContract
from tests.builders import credit, debit, draft, payment
from tests.entrypoints.extending.sample import CountingFormat, Give, SamplePolicy, SampleSettings

SALE = payment(id="txn_sale")


class TestPostTransaction(CommandContract):
    @pytest.fixture
    def command(self) -> Command:
        return PostTransaction(SALE)


class TestReverseTransaction(CommandContract):
    @pytest.fixture
    def before(self) -> Sequence[Command]:
        return (PostTransaction(SALE),)

    @pytest.fixture
    def command(self) -> Command:
        return ReverseTransaction(ReversalDraft("txn_reversal", "txn_sale"))


class TestCommandOfAnExtension(CommandContract):
    @pytest.fixture
    def command(self) -> Command:
        return Give("txn_gift", "1.00")


class TestPolicyOfAnExtension(PostingPolicyContract):
    @pytest.fixture
    def policy(self) -> PostingPolicy:
        return SamplePolicy(SampleSettings())

    @pytest.fixture
    def accepted(self) -> Sequence[Command]:
        dear = draft(debit("assets:bank", "1.00"), credit("income:sales", "1.00"), description="dear")
        return (PostTransaction(SALE), PostTransaction(dear))

    @pytest.fixture
    def refused(self) -> Sequence[Command]:
        bad = draft(debit("assets:bank", "1.00"), credit("income:sales", "1.00"), description="bad")
        return (PostTransaction(bad),)


class TestFormats(LedgerFormatContract):
    @pytest.fixture(params=[*FORMATS.values(), FileType("txt", "text/plain", CountingFormat)], ids=lambda of: of.suffix)
    def file_type(self, request: Any) -> FileType:
        file_type: FileType = request.param
        return file_type


class TestClocks(ClockContract):
    @pytest.fixture(params=[SystemClock, ManualClock])
    def clock(self, request: Any) -> Clock:
        clock: Clock = request.param()
        return clock


class TestIds(IdsContract):
    @pytest.fixture(params=[TypeIds, CountedIds])
    def ids(self, request: Any) -> Ids:
        ids: Ids = request.param()
        return ids


class Narrow(Give):
    """Forgets to name what it needs."""

    def scope(self) -> Scope:
        return Scope()


async def test_a_command_that_sees_too_little_is_noticed() -> None:
    ledger = LedgerInMemory()
    await ledger.journal().submit(ledger.principal, SLUG, Give("txn_1", "1.00"), request_id="req_1")
    with pytest.raises(ScopeTooNarrow):
        await CommandContract().test_its_scope_is_all_that_it_needs(Narrow("txn_2", "1.00"), ledger)


class Impure(PostingPolicy):
    """Says something else each time."""

    def __init__(self) -> None:
        self._count = 0

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        self._count += 1
        return (debit("assets:bank", str(self._count)), credit("income:sales", str(self._count)))


async def test_a_policy_that_changes_its_mind_is_noticed() -> None:
    contract = PostingPolicyContract()
    with pytest.raises(AssertionError):
        await contract.test_it_says_the_same_again_leaves_the_books_alone_and_is_quick(
            Impure(), (PostTransaction(SALE),)
        )


async def test_a_policy_that_refuses_nothing_is_noticed() -> None:
    with pytest.raises(pytest.fail.Exception):
        await PostingPolicyContract().test_it_refuses_what_it_is_to_refuse(
            PlainPolicy(), LedgerInMemory(), (PostTransaction(SALE),)
        )


class PlainPolicy(PostingPolicy):
    """Accepts everything."""

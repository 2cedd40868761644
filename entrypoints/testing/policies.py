"""What every `PostingPolicy` promises. Subclass it, in a class whose name begins with `Test`, and give the fixtures."""

from collections.abc import Collection, Sequence
from time import perf_counter

import pytest

from application.ledger.policies import SLOW_SECONDS
from application.ledger.ports import Command
from domain.ledger.book import Book
from domain.ledger.policy import BooksSeen, PolicyInForce, PostingPolicy, Proposal
from domain.ledger.scope import AccountAsset, Scope
from domain.ledger.transaction import EntryDraft
from domain.shared.errors import DomainError
from domain.shared.stable import stable
from entrypoints.container.in_memory import SLUG, LedgerInMemory


@stable(since="0.2.0")
class PostingPolicyContract:
    """A policy is pure and quick, and either accepts or refuses with an error that clients can be told."""

    @pytest.fixture
    def policy(self) -> PostingPolicy:
        """The policy under test."""
        raise NotImplementedError

    @pytest.fixture
    def accepted(self) -> Sequence[Command]:
        """Commands that it accepts, in an order in which they can be done in a ledger with nothing in it."""
        raise NotImplementedError

    @pytest.fixture
    def refused(self) -> Sequence[Command]:
        """Commands that it refuses after those, each by itself."""
        raise NotImplementedError

    @pytest.fixture
    async def ledger(self, policy: PostingPolicy, accepted: Sequence[Command]) -> LedgerInMemory:
        """A ledger in which those that it accepts were done."""
        ledger = LedgerInMemory()
        journal = ledger.journal([PolicyInForce("under-test", policy)])
        for each in accepted:
            await journal.submit(ledger.principal, SLUG, each, request_id="req_accepted")
        return ledger

    async def test_it_accepts_what_it_is_to_accept(self, ledger: LedgerInMemory) -> None:
        assert len(ledger.log()) > 1

    async def test_it_refuses_what_it_is_to_refuse(
        self, policy: PostingPolicy, ledger: LedgerInMemory, refused: Sequence[Command]
    ) -> None:
        """Without it, they are accepted: nothing else is to blame."""
        journal, before = ledger.journal([PolicyInForce("under-test", policy)]), len(ledger.log())
        for each in refused:
            with pytest.raises(DomainError) as refusal:
                await journal.submit(ledger.principal, SLUG, each, request_id="req_refused")
            assert refusal.value.detail.endswith(".")
            await ledger.journal().try_out(ledger.principal, SLUG, each)
        assert len(ledger.log()) == before

    async def test_it_says_the_same_again_leaves_the_books_alone_and_is_quick(
        self, policy: PostingPolicy, accepted: Sequence[Command]
    ) -> None:
        ledger, twice = LedgerInMemory(), _Twice(policy)
        journal = ledger.journal([PolicyInForce("under-test", twice)])
        for each in accepted:
            await journal.submit(ledger.principal, SLUG, each, request_id="req_twice")
        assert twice.quickest < SLOW_SECONDS

    def test_it_names_what_it_must_see(self, policy: PostingPolicy) -> None:
        touched = {("assets:bank", "EUR"), ("income:sales", "EUR")}
        assert isinstance(policy.scope(touched), Scope)
        assert isinstance(policy.scope(set()), Scope)


class _Twice(PostingPolicy):
    """Asks a policy everything twice."""

    def __init__(self, policy: PostingPolicy) -> None:
        self._policy = policy
        # The best of all: whatever else the machine does meanwhile is not the policy's.
        self.quickest = float("inf")

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        return self._policy.scope(touched)

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        first = self._policy.added(proposal, books)
        assert list(self._policy.added(proposal, books)) == list(first)
        return first

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        assert isinstance(books, Book)
        untouched = books.fork()
        began = perf_counter()
        self._policy.check(proposal, books)
        self.quickest = min(self.quickest, perf_counter() - began)
        self._policy.check(proposal, books)
        assert books == untouched

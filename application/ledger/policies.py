"""Posting policies of extensions: seen to whatever they do, and given what they have to see."""

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Final, TypeVar

from application.ledger.ports import Snapshot
from application.shared.extension_watch import ExtensionWatch
from domain.ledger.book import Book
from domain.ledger.policy import BooksSeen, PolicyFailed, PolicyInForce, PostingPolicy, Proposal
from domain.ledger.scope import AccountAsset, Scope
from domain.ledger.transaction import ENTRIES_MAX, EntryDraft
from domain.shared.errors import DomainError

# All who post to a ledger wait for it.
SLOW_SECONDS: Final = 0.02

Result = TypeVar("Result")


class WatchedPolicy(PostingPolicy):
    """The policy of an extension, which refuses when it fails: a rule that cannot be asked is not taken for a yes."""

    def __init__(self, watch: ExtensionWatch, policy: PostingPolicy) -> None:
        self._watch = watch
        self._policy = policy

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        """Return what it has to see. Raises `PolicyFailed`."""
        return self._asked(lambda: _checked(self._policy.scope(touched), Scope))

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        """Return what it adds. Raises `PolicyFailed`, and what it refuses with."""

        def ask() -> Sequence[EntryDraft]:
            # One too many is refused by the rules; it may have no end.
            added = islice(self._policy.added(proposal, books), ENTRIES_MAX + 1)
            return [_checked(each, EntryDraft) for each in added]

        return self._asked(ask)

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        """Raise what it refuses with, or `PolicyFailed`."""
        self._asked(lambda: self._policy.check(proposal, books))

    def _asked(self, ask: Callable[[], Result]) -> Result:
        try:
            with self._watch.doing("its posting policy", slow_seconds=SLOW_SECONDS, fine=(DomainError,)):
                return ask()
        except DomainError:
            raise
        except Exception as error:
            raise failed(self._watch.name, "failed when it was asked about it") from error


class RefusingPolicy(PostingPolicy):
    """Stands in the place of a policy that cannot be asked: it accepts nothing."""

    def __init__(self, failure: DomainError) -> None:
        self._failure = failure

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        """Raise why it cannot be asked."""
        failure = self._failure
        raise type(failure)(failure.detail, facts=failure.facts)


def failed(name: str, how: str) -> PolicyFailed:
    """Return the refusal of a posting that an extension might forbid, and could not be asked about."""
    return PolicyFailed(f"Nothing was posted: the extension {name} {how}.", facts={"extension": name})


def _checked(given: Result, kind: type[Result]) -> Result:
    if not isinstance(given, kind):
        raise TypeError(f"{given!r} is no {kind.__name__}")
    return given


async def load(snapshot: Snapshot, scope: Scope, policies: Sequence[PolicyInForce]) -> Book:
    """Return a book that holds what the scope names, and what policies have to see to judge entries there.

    One that cannot say what that is, refuses. Raises `TooManyEntries`.
    """
    book = await snapshot.load(scope)
    if not policies:
        return book
    touched = _touched(scope, book)
    in_force: list[PolicyInForce] = []
    scopes = [scope]
    for each in policies:
        try:
            scopes.append(each.policy.scope(touched))
        except DomainError as failure:
            in_force.append(PolicyInForce(each.name, RefusingPolicy(failure)))
        else:
            in_force.append(each)
    if any(more != Scope() for more in scopes[1:]):
        book = await snapshot.load(Scope.union(scopes))
    book.policies = in_force
    return book


def _touched(scope: Scope, book: Book) -> set[AccountAsset]:
    """Return the accounts and assets that commands of this scope may enter something on."""
    touched = set(scope.balances)
    for id in scope.holds:
        if id in book.holds:
            touched.update((entry.account, entry.asset.code) for entry in book.holds[id].entries)
    for id in scope.reversals:
        if id in book.transactions:
            touched.update((entry.account, entry.asset.code) for entry in book.transactions[id].entries)
    for before in scope.results:
        results = book.results[before]
        touched.update(results)
        touched.update((path, code) for path in scope.whole_accounts for _, code in results)
    return touched

"""Posting policies of extensions: seen to whatever they do, and given what they have to see."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from application.ledger.ports import Snapshot, TooManyEntries
from application.shared.extension_watch import ExtensionWatch
from domain.ledger.book import Book
from domain.ledger.policy import BooksSeen, PolicyFailed, PolicyInForce, PostingPolicy, Proposal
from domain.ledger.scope import AccountAsset, Scope
from domain.ledger.transaction import ENTRIES_MAX, EntryDraft
from domain.shared.errors import DomainError

# All who post to a ledger wait for it.
SLOW_SECONDS: Final = 0.02
# In each part of a scope: a group may touch 50,000 entries of holds, for each of which a policy names something.
NAMES_MAX: Final = 100_000
_TEXTS: Final = [each.name for each in fields(Scope) if each.name not in ("balances", "results", "unsettled")]

Result = TypeVar("Result")


class WatchedPolicy(PostingPolicy):
    """The policy of an extension, which refuses when it fails: a rule that cannot be asked is not taken for a yes."""

    def __init__(self, watch: ExtensionWatch, policy: PostingPolicy) -> None:
        self._watch = watch
        self._policy = policy

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        """Return what it has to see, all of it named by now. Raises `PolicyFailed`, and what it refuses with."""
        return self._asked(lambda: _settled(_checked(self._policy.scope(touched), Scope)))

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
        # Each caller gets one of its own, which points at parts of its own request. It is made as it is: how a class of
        # somebody else is called, only that one knows.
        kind = type(self._failure)
        again = kind.__new__(kind, *self._failure.args)
        again.__dict__.update(self._failure.__dict__)
        raise again from self._failure


def failed(name: str, how: str) -> PolicyFailed:
    """Return the refusal of a posting that an extension might forbid, and could not be asked about."""
    return PolicyFailed(f"Nothing was posted: the extension {name} {how}.", facts={"extension": name})


def _checked(given: object, kind: type[Result]) -> Result:
    if not isinstance(given, kind):
        raise TypeError(f"{given!r} is no {kind.__name__}")
    return given


def _settled(scope: Scope) -> Scope:
    """Return the scope with each part gone through once, while its extension can be named for what that raises."""
    return Scope(
        **{name: tuple([_checked(each, str) for each in _names(scope, name)]) for name in _TEXTS},
        balances=tuple([_account_and_asset(each) for each in _names(scope, "balances")]),
        results=tuple([_time(each) for each in _names(scope, "results")]),
        unsettled=_checked(scope.unsettled, bool),
    )


def _names(scope: Scope, part: str) -> list[object]:
    given = getattr(scope, part)
    if isinstance(given, str):
        raise TypeError(f"{part} are several: {given!r} is one")
    named = list(islice(given, NAMES_MAX + 1))
    if len(named) > NAMES_MAX:
        raise ValueError(f"it names more than {NAMES_MAX:,} {part}")
    return named


def _time(given: object) -> datetime:
    time = _checked(given, datetime)
    if time.tzinfo is None:
        raise ValueError(f"{time} is in no time zone")
    return time


def _account_and_asset(given: Any) -> AccountAsset:
    account, asset = given
    return _checked(account, str), _checked(asset, str)


async def load(snapshot: Snapshot, scope: Scope, policies: Sequence[PolicyInForce]) -> Book:
    """Return a book that holds what the scope names, and what policies have to see to judge entries there.

    One that cannot say what that is, refuses. Raises `TooManyEntries`.
    """
    book = await snapshot.load(scope)
    if not policies:
        return book
    touched = frozenset(_touched(scope, book))
    asked: list[tuple[PolicyInForce, Scope]] = []
    for each in policies:
        try:
            more = each.policy.scope(touched)
        except DomainError as failure:
            asked.append((_refusing(each, failure), Scope()))
        else:
            asked.append((each, more))
            # Where it may add something, those after it may have to add something for that.
            touched |= frozenset(more.balances)
    if any(more != Scope() for _, more in asked):
        try:
            book = await snapshot.load(Scope.union([scope, *[more for _, more in asked]]))
        except TooManyEntries:  # which those who post did not ask for
            asked = [_without_entries(*each) for each in asked]
            book = await snapshot.load(Scope.union([scope, *[more for _, more in asked]]))
    book.policies = [each for each, _ in asked]
    return book


def _refusing(policy: PolicyInForce, failure: DomainError) -> PolicyInForce:
    return PolicyInForce(policy.name, RefusingPolicy(failure))


def _without_entries(policy: PolicyInForce, scope: Scope) -> tuple[PolicyInForce, Scope]:
    """Return what refuses, and sees nothing, in the place of a policy that wants to see holds or transactions."""
    if not scope.holds and not scope.reversals:
        return policy, scope
    return _refusing(policy, failed(policy.name, "wants to see holds and transactions with too many entries")), Scope()


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

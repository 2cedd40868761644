"""Whether a command stays within the accounts that its author's permission is limited to.

The accounts are those that it names, and those of the holds and transactions that it names. What names none, or needs
to see the ledger as a whole, concerns all accounts.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from application.ledger.ports import Command
from application.ledger.readers import LedgerReads
from domain.ledger.book import Book
from domain.ledger.scope import Scope
from domain.shared.access import Reach


def scope_within(reach: Reach, command: Command) -> Scope:
    """Return what must be seen to decide on a command, and on whether it is within the reach."""
    scope = command.scope()
    if reach.is_limited and scope.transactions:
        # Of a transaction that is only to be changed, the entries would not be seen.
        return replace(scope, reversals=[*scope.reversals, *scope.transactions])
    return scope


def require_within(reach: Reach, scope: Scope, book: Book) -> None:
    """Return if the reach covers all that a command concerns, which the book holds; else raise `PermissionDenied`.

    It is asked before the command is, whose refusal would tell of accounts that its author may not know.
    """
    if not reach.is_limited:
        return
    if scope.unsettled or scope.results or scope.periods:
        reach.require(())
    named = {*scope.accounts, *scope.whole_accounts, *(path for path, _ in scope.balances)}
    found: set[str] = set()
    for hold in scope.holds:
        if hold in book.holds:
            found.update(entry.account for entry in book.holds[hold].entries)
    for transaction in (*scope.reversals, *scope.transactions):
        if transaction in book.transactions:
            found.update(entry.account for entry in book.transactions[transaction].entries)
    reach.require(named, found)


Accounts = Callable[[LedgerReads], Awaitable[Iterable[str]]]
"""How a view finds which accounts something concerns."""


def of_transaction(slug: str, id: str) -> Accounts:
    """Return how the accounts of a transaction are found. It raises `NotFound` where there is none."""

    async def accounts(reads: LedgerReads) -> Iterable[str]:
        view = await reads.transactions.transaction(slug, id)
        return {line.account.path for line in view.entries}

    return accounts


def of_holds(slug: str, ids: Sequence[str]) -> Accounts:
    """Return how the accounts of holds are found. It raises `NotFound` where one is not there."""

    async def accounts(reads: LedgerReads) -> Iterable[str]:
        views = [await reads.holds.hold(slug, id) for id in ids]
        return {entry.account for view in views for entry in view.hold.entries}

    return accounts

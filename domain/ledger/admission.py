"""Admission: whether a ledger and its accounts take entries at all."""

from collections.abc import Sequence
from datetime import datetime

from domain.ledger.account import Account, AccountStatus, ArchivedAccount, FrozenAccount
from domain.ledger.book import Book
from domain.ledger.period import InClosedPeriod
from domain.ledger.settings import FrozenLedger
from domain.ledger.transaction import Entry
from domain.shared.chain import format_time


def admit(book: Book, entries: Sequence[Entry]) -> None:
    """Return if the ledger takes entries, and each account these, whether they are posted, held, captured or reversed.

    Raises `FrozenLedger`, `ArchivedAccount`, `FrozenAccount`.
    """
    if book.settings.is_frozen:
        raise FrozenLedger("The ledger is frozen: nothing is posted or held in it until it is unfrozen.")
    accounts = book.accounts
    for index, entry in enumerate(entries):
        account = accounts.get(entry.account)
        if account is not None and account.is_restricted:
            _check(account, entry, f"/entries/{index}/account")


def admit_results(book: Book, entries: Sequence[Entry]) -> None:
    """Return if the accounts, which are open, give up their results, frozen or not; else raise `ArchivedAccount`.

    An archived account is empty. What a closing takes from it, it has earned or spent before it was emptied, so that
    it would not be empty any more.
    """
    for entry in entries:
        if book.accounts[entry.account].status is AccountStatus.ARCHIVED:
            raise ArchivedAccount(
                f"The account {entry.account} is archived, and has a result in the period that is to be closed; moving "
                "it would leave the account with a balance: restore the account first.",
                facts={"account": entry.account},
            )


def _check(account: Account, entry: Entry, pointer: str) -> None:
    facts = {"account": account.path}
    if account.status is AccountStatus.ARCHIVED:
        raise ArchivedAccount(
            f"The account {account.path} is archived: restore it first.", pointer=pointer, facts=facts
        )
    if entry.direction in account.frozen:
        raise FrozenAccount(f"{account.path} is frozen for {entry.direction.value}s.", pointer=pointer, facts=facts)


def admit_time(book: Book, effective_at: datetime, *, pointer: str = "/effective_at") -> None:
    """Return if the time (UTC) lies in no closed period; else raise `InClosedPeriod`, which blames the pointer."""
    closed_until = book.settings.closed_until
    if closed_until is not None and effective_at < closed_until:
        raise InClosedPeriod(
            f"The transaction would be effective at {format_time(effective_at)}; the books are closed up to "
            f"{book.settings.closed_until_day}, which begins at {format_time(closed_until)}.",
            pointer=pointer,
            facts={"closed_until": format_time(closed_until)},
        )

"""Balances that are watched: first all, then those that an event has changed, each time as of one sequence."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from application.ledger.balance_watch import BalanceWatch, read_balances, watched_balances
from application.ledger.readers import AssetBalance, LedgerReads
from application.ledger.relay import Relay
from application.ledger.spans import AsOf
from application.shared.ports import Seen, StoreUnavailable
from domain.ledger.account import Account, AccountNotFound, AccountType
from domain.ledger.effect import Effect, HeldLine
from domain.ledger.events import Event, HoldExpired, LedgerChanged
from domain.ledger.held import NOTHING_HELD
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import Head
from domain.shared.errors import PermissionDenied
from domain.shared.patterns import Pattern
from tests.application.ledger.followed import MAIN, GrowingLog, Wire, opened
from tests.application.ledger.office import turns
from tests.builders import principal

BANK, TILL = "assets:bank", "assets:till"


class Books(GrowingLog):
    """A log, and beside it what accounts hold; an amount stands for all that a balance has."""

    def __init__(self) -> None:
        super().__init__()
        self.amounts: dict[str, tuple[str, ...]] = {}
        self.asked: list[str] = []

    @asynccontextmanager
    async def read(
        self,
        principal: Principal,
        permission: Permission,
        *,
        ledger: str | None = None,
        account: str | None = None,
        concerning: Callable[[LedgerReads], Awaitable[Iterable[str]]] | None = None,
        seen: Seen | None = None,
    ) -> AsyncIterator[LedgerReads]:
        if concerning is None:
            async with super().read(principal, permission, ledger=ledger) as reads:
                cast(Any, reads).holds = _Holds()
                yield reads
            return
        if self.is_away:
            raise StoreUnavailable("away")
        reads = cast(LedgerReads, _Reads(self))
        for path in await concerning(reads):
            principal.require(permission, ledger=ledger, account=path)
        yield reads


class _Reads:
    def __init__(self, books: Books) -> None:
        self.ledgers = self.accounts = self
        self._books = books

    async def head(self, slug: str) -> Head:
        return self._books.head_

    async def balances(self, slug: str, path: str, *, as_of: AsOf) -> tuple[Account, Sequence[AssetBalance]]:
        self._books.asked.append(path)
        if path not in self._books.amounts:
            raise AccountNotFound(path)
        account = Account(1, path, AccountType.ASSET)
        return account, cast(Sequence[AssetBalance], self._books.amounts[path])


class _Holds:
    async def named(self, slug: str, ids: Sequence[str]) -> dict[str, Any]:
        accounts = {"hold_of_bank": BANK, "hold_of_others": "assets:other"}
        return {
            id: SimpleNamespace(hold=SimpleNamespace(entries=[SimpleNamespace(account=accounts[id])]))
            for id in ids
            if id in accounts
        }


@pytest.fixture
def books() -> Books:
    made = Books()
    made.append(LedgerChanged("Main", {}))
    made.amounts[BANK] = ("5.00",)
    return made


@pytest.fixture
async def here(books: Books) -> AsyncIterator[Relay]:
    made = Relay(books, Wire())
    yield made
    await made.stop()


class Watching:
    """A watch of the bank and the till, and how often it was called."""

    def __init__(self, watch: BalanceWatch) -> None:
        self.watch = watch

    async def told(self, who: Principal | None = None) -> tuple[dict[str, tuple[str, ...]], int] | None:
        """What it tells: amounts by account, and as of when."""
        found = await self.watch.take(who or principal())
        if found is None:
            return None
        amounts = {each.account.path: cast(tuple[str, ...], tuple(each.balances)) for each in found.accounts}
        return amounts, found.sequence


@pytest.fixture
async def watching(books: Books, here: Relay) -> AsyncIterator[Watching]:
    accounts = frozenset({BANK, TILL})
    first = await read_balances(books, principal(), "main", accounts)
    with watched_balances(here, books, MAIN, accounts, first, lambda: None) as watch:
        made = Watching(watch)
        assert await made.told() == ({BANK: ("5.00",)}, 1), "an account that is not there has no balances"
        books.asked.clear()
        yield made


def commit(here: Relay, books: Books, *events: Event) -> None:
    """Commit them in this process."""
    here.committed(MAIN, books.append(*events))


async def test_what_concerns_nobody_is_not_even_read(books: Books, here: Relay, watching: Watching) -> None:
    commit(here, books, opened("assets:other"), LedgerChanged("Main", {}))
    await turns()
    assert await watching.told() is None
    assert books.asked == []


async def test_changes_come_together_and_only_what_has_changed_is_told(
    books: Books, here: Relay, watching: Watching
) -> None:
    await turns()
    for number in range(3):
        books.amounts[TILL] = (f"{number}.00",)
        commit(here, books, opened(TILL), opened(BANK))
    assert await watching.told() == ({TILL: ("2.00",)}, 7)
    assert (books.asked, watching.watch.at) == ([BANK, TILL], 7)
    assert await watching.told() is None


async def test_an_account_without_balances_is_told_of_once_it_has_some(
    books: Books, here: Relay, watching: Watching
) -> None:
    await turns()
    books.amounts[TILL] = ()
    commit(here, books, opened(TILL))
    assert await watching.told() is None
    books.amounts[TILL] = ("1.00",)
    commit(here, books, opened(TILL))
    assert await watching.told() == ({TILL: ("1.00",)}, 3)


@pytest.mark.parametrize(("hold", "asked"), [("hold_of_bank", [BANK]), ("hold_of_others", []), ("gone", [BANK, TILL])])
async def test_an_event_of_a_hold_concerns_the_accounts_of_the_hold_or_anyone_where_it_is_not_known(
    books: Books, here: Relay, watching: Watching, hold: str, asked: list[str]
) -> None:
    await turns()
    assert await watching.told() is None
    books.amounts[BANK] = ("5.00", "held 1.00")
    books.append(HoldExpired(hold))  # by another process
    here.hear(MAIN, 2)
    await turns()
    assert await watching.told() == (({BANK: ("5.00", "held 1.00")}, 2) if asked else None)
    assert books.asked == asked


async def test_what_a_hold_of_this_process_touches_is_known_without_asking(
    books: Books, here: Relay, watching: Watching
) -> None:
    await turns()
    books.amounts[BANK] = ("5.00", "held 1.00")
    account = Account(1, BANK, AccountType.ASSET)
    (expired,) = books.append(HoldExpired("hold_1"))
    here.committed(MAIN, [replace(expired, effect=Effect(held=(HeldLine(account, "EUR", NOTHING_HELD),)))])
    assert await watching.told() == ({BANK: ("5.00", "held 1.00")}, 2)
    assert books.asked == [BANK]


async def test_what_was_read_already_is_not_told_again(books: Books, here: Relay, watching: Watching) -> None:
    await turns()
    books.amounts[BANK] = ("6.00",)
    commit(here, books, opened(BANK))
    late = books.append(opened(BANK))  # is in the log when it is read, and comes later
    assert await watching.told() == ({BANK: ("6.00",)}, 3)
    books.asked.clear()
    here.committed(MAIN, late)
    assert await watching.told() is None
    assert books.asked == []


async def test_a_store_that_is_away_is_asked_for_the_same_again(books: Books, here: Relay, watching: Watching) -> None:
    await turns()
    books.amounts[BANK] = ("7.00",)
    commit(here, books, opened(BANK))
    books.is_away = True
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await watching.told()
    books.is_away = False
    assert await watching.told() == ({BANK: ("7.00",)}, 2)


async def test_who_may_no_more_see_one_of_them_is_told_nothing(books: Books, here: Relay, watching: Watching) -> None:
    await turns()
    commit(here, books, opened(BANK), opened(TILL))
    grant = Grant(frozenset({Permission.ACCOUNTS_READ}), accounts=(Pattern(BANK),))
    with pytest.raises(PermissionDenied):
        await watching.told(Principal(1, "key_1", (grant,)))

"""Who watches balances misses no change, whenever it comes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

from application.ledger.balance_watch import Balances, read_balances, watched_balances
from application.ledger.readers import AssetBalance, LedgerReads
from application.ledger.relay import Relay
from application.ledger.spans import AsOf
from application.shared.ports import Seen
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.events import AccountOpened, Event
from domain.shared.access import Permission, Principal
from tests.application.ledger.followed import MAIN, GrowingLog, Wire
from tests.builders import principal


class LogWithBalances(GrowingLog):
    """A log, and what its accounts hold of euros, in cents."""

    def __init__(self) -> None:
        super().__init__()
        self.cents = {"a": 0, "b": 0}

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
        async with super().read(principal, permission, ledger=ledger) as reads:
            cast(Any, reads).accounts = self
            yield reads

    async def balances(self, slug: str, path: str, *, as_of: AsOf) -> tuple[Account, list[AssetBalance]]:
        """What an account holds, as the store has it."""
        return Account(1, path, AccountType.ASSET), [AssetBalance(Asset("EUR", 2), Balance(self.cents[path]))]


def cents_of(balances: Balances | None) -> tuple[int, dict[str, int]] | None:
    """The sequence, and what the accounts hold."""
    if balances is None:
        return None
    held = {each.account.path: each.balances[0].balance.posted_debits for each in balances.accounts}
    return balances.sequence, held


def concerns(path: str) -> Event:
    """An event that names the account."""
    return AccountOpened(path, AccountType.ASSET)


async def test_what_comes_while_others_are_read_is_not_left_out() -> None:
    log, both = LogWithBalances(), frozenset({"a", "b"})
    relay = Relay(log, Wire())
    log.append(concerns("a"), concerns("b"))
    first = await read_balances(log, principal(), "main", both)
    with watched_balances(relay, log, MAIN, both, first, lambda: None) as watch:
        assert cents_of(await watch.take(principal())) == (2, {"a": 0, "b": 0})
        relay.committed(MAIN, log.append(concerns("a")))
        # Another process commits what changes the other account, and nobody has heard of it when `a` is read.
        log.cents["b"] = 500
        late = log.append(concerns("b"))
        assert cents_of(await watch.take(principal())) == (4, {"b": 500})
        relay.committed(MAIN, late)
        assert await watch.take(principal()) is None
        log.cents["a"] = 700
        relay.committed(MAIN, log.append(concerns("a")))
        assert cents_of(await watch.take(principal())) == (5, {"a": 700})
    await relay.stop()

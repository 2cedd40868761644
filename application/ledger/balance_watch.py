"""Balances that are watched: as they are, and whenever they change."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from application.ledger.followers import BalanceFilter
from application.ledger.following import Following
from application.ledger.ports import LedgerAddress
from application.ledger.readers import AssetBalance, LedgerReads
from application.ledger.relay import Relay
from application.ledger.spans import AsOf
from application.shared.ports import Work
from domain.ledger.account import Account, AccountNotFound
from domain.shared.access import Permission, Principal


@dataclass(frozen=True, slots=True)
class AccountBalances:
    """An account, and what it holds of every asset that it was used with."""

    account: Account
    balances: Sequence[AssetBalance]


@dataclass(frozen=True, slots=True)
class Balances:
    """Accounts whose balances are new to who watches them, as they were after the event of that sequence."""

    accounts: Sequence[AccountBalances]
    sequence: int


class BalanceWatch:
    """Balances of some accounts, first all of them and then those that have changed.

    Changes that come while nobody takes them come together. An account that is not there yet has no balances; it is
    shown once it has some.
    """

    def __init__(
        self,
        work: Work[LedgerReads, object],
        following: Following,
        slug: str,
        accounts: frozenset[str],
        first: Balances,
    ) -> None:
        self._work = work
        self._following = following
        self._slug = slug
        self._accounts = accounts
        self._first: Balances | None = first
        self._shown = {each.account.path: tuple(each.balances) for each in first.accounts}
        self._asked: set[str] = set()

    @property
    def at(self) -> int:
        """Return the sequence as of which all balances are known."""
        return self._following.at

    async def take(self, principal: Principal) -> Balances | None:
        """Return what has changed, or None where nothing that is known of has.

        Raises `PermissionDenied` where the principal may no more see all of the accounts, `StoreUnavailable` (ask
        again), and `FellBehind`.
        """
        first, self._first = self._first, None
        if first is not None:
            return first
        while (stretch := await self._following.take()) is not None:
            for event in stretch.events:
                self._asked |= self._accounts if event.touched is None else self._accounts & event.touched
        if not self._asked:
            return None
        read = await read_balances(self._work, principal, self._slug, self._asked)
        if read.sequence > self._following.at and self._asked != self._accounts:
            # What came between the event that was taken last and what was read may concern the others as well.
            read = await read_balances(self._work, principal, self._slug, self._accounts)
        self._asked.clear()
        self._following.skip(read.sequence)
        # Of an account more may change than its balances.
        changed = [each for each in read.accounts if self._shown.get(each.account.path, ()) != tuple(each.balances)]
        self._shown.update({each.account.path: tuple(each.balances) for each in changed})
        return Balances(changed, read.sequence) if changed else None


async def read_balances(
    work: Work[LedgerReads, object], principal: Principal, slug: str, paths: Iterable[str]
) -> Balances:
    """Return the balances of those of the accounts that there are, all as of one sequence.

    Raises `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`.
    """
    paths = sorted(paths)

    async def concerned(reads: LedgerReads) -> Iterable[str]:
        return paths

    found: list[AccountBalances] = []
    async with work.read(principal, Permission.ACCOUNTS_READ, ledger=slug, concerning=concerned) as reads:
        head = await reads.ledgers.head(slug)
        for path in paths:
            try:
                account, balances = await reads.accounts.balances(slug, path, as_of=AsOf())
            except AccountNotFound:
                continue
            found.append(AccountBalances(account, balances))
    return Balances(found, head.sequence)


@contextmanager
def watched_balances(
    relay: Relay,
    work: Work[LedgerReads, object],
    ledger: LedgerAddress,
    accounts: frozenset[str],
    first: Balances,
    call: Callable[[], None],
) -> Iterator[BalanceWatch]:
    """Watch balances of a ledger, which were read first; `call` says when to take what has changed."""
    wanted = BalanceFilter(accounts)
    with relay.joined(ledger, first.sequence, after=first.sequence, wanted=wanted, call=call) as following:
        yield BalanceWatch(work, following, ledger.slug, accounts, first)

"""What goes with an operation: who asks it, and how it follows links, each kind of them in one go."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeVar

from strawberry import Info as StrawberryInfo
from strawberry.dataloader import DataLoader

from application.ledger.permitted import Accounts, of_holds, of_transaction
from application.ledger.readers import LedgerReads
from application.shared.ports import StoreUnavailable
from domain.shared.access import Permission, Principal
from domain.shared.errors import DomainError
from entrypoints.http.dependencies import Caller
from entrypoints.http.graphql.documents import within
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.problems import problem_document
from entrypoints.http.time_travel import PointOfView
from entrypoints.http.v1.account_documents import balance_document, listed_document, posted_document
from entrypoints.http.v1.hold_documents import hold_document
from entrypoints.http.v1.transaction_documents import view_document

Document = Mapping[str, Any]

# What a loader asks for at once; a page of large transactions may name more accounts than that.
_BATCH_MAX: Final = 1_000


class Named(NamedTuple):
    """A thing in a ledger, by its path or its id."""

    ledger: str
    name: str


class Below(NamedTuple):
    """So many accounts that lie below one."""

    ledger: str
    name: str
    limit: int


class Held(NamedTuple):
    """What an account holds, from one point of view."""

    ledger: str
    name: str
    view: PointOfView


Key = TypeVar("Key", Named, Below, Held)
ReadByIds = Callable[[LedgerReads, str, Sequence[str]], Awaitable[Mapping[str, Document]]]


class Asking:
    """Who asks an operation, and what it has read so far.

    It reads one thing after the other: an operation takes one connection at a time, whatever it asks for.
    """

    def __init__(
        self,
        who: Caller,
        *,
        lasting: LastingPrincipal | None = None,
        count: Callable[[], Awaitable[Principal]] | None = None,
    ) -> None:
        """With `lasting` it is a socket's, over which things are followed; `count` counts another operation of it."""
        self.who = who
        self.lasting = lasting
        self.count = count
        self.turn: Final = asyncio.Lock()
        self.accounts = self._loader(self._load_accounts)
        self.below = self._loader(self._load_below)
        self.balances = self._loader(self._load_balances)
        self.transactions = self._loader(self._load_transactions)
        self.holds = self._loader(self._load_holds)

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.who.principal

    def forget(self) -> None:
        """Forget what was read, as something is about to change."""
        for loader in (self.accounts, self.below, self.balances, self.transactions, self.holds):
            loader.clear_all()

    @asynccontextmanager
    async def view(
        self,
        permission: Permission,
        ledger: str | None = None,
        *,
        account: str | None = None,
        concerning: Accounts | None = None,
    ) -> AsyncIterator[LedgerReads]:
        """Open a view as `Work.read` does, once no other is open. Raises what that raises."""
        view = self.who.services.ledgers.read(
            self.principal, permission, ledger=ledger, account=account, concerning=concerning
        )
        async with self.turn, view as reads:
            yield reads

    def _loader(self, load: Callable[[str, list[Key]], Awaitable[Mapping[Key, Any]]]) -> DataLoader[Key, Any]:
        async def load_or_refuse(keys: list[Key]) -> list[Any]:
            found: dict[Key, Any] = {}
            for ledger, of_ledger in _grouped(keys, lambda key: key.ledger).items():
                try:
                    found.update(await load(ledger, of_ledger))
                except (DomainError, StoreUnavailable) as refusal:
                    found.update(dict.fromkeys(of_ledger, refusal))
            return [found.get(key) for key in keys]

        return DataLoader(load_fn=load_or_refuse, max_batch_size=_BATCH_MAX)

    async def _load_accounts(self, ledger: str, keys: list[Named]) -> Mapping[Named, Any]:
        refused, paths = self._parted(ledger, keys)
        async with self._view_of(ledger, paths) as reads:
            found = await reads.batches.accounts(ledger, paths)
        shown = {path: within(ledger, listed_document(view)) for path, view in found.items()}
        return {key: refused.get(key.name) or shown.get(key.name) for key in keys}

    async def _load_balances(self, ledger: str, keys: list[Held]) -> Mapping[Held, Any]:
        refused, paths = self._parted(ledger, keys)
        shown: dict[Held, Any] = {}
        async with self._view_of(ledger, paths) as reads:
            for view, of_view in _grouped(keys, lambda key: key.view).items():
                as_of = await view.as_of(reads, ledger)
                show = balance_document if as_of.before is None else posted_document
                named = [key.name for key in of_view if key.name not in refused]
                for path, (account, balances) in (await reads.batches.balances(ledger, named, as_of=as_of)).items():
                    shown[Held(ledger, path, view)] = [show(account, each) for each in balances]
        return {key: refused.get(key.name) or shown.get(key) for key in keys}

    async def _load_below(self, ledger: str, keys: list[Below]) -> Mapping[Below, Any]:
        shown: dict[Below, Any] = {}
        async with self.view(Permission.ACCOUNTS_READ, ledger) as reads:
            for limit, of_limit in _grouped(keys, lambda key: key.limit).items():
                found = await reads.batches.below(ledger, [key.name for key in of_limit], limit=limit)
                for path, views in found.items():
                    shown[Below(ledger, path, limit)] = [within(ledger, listed_document(view)) for view in views]
        return shown

    def _parted(self, ledger: str, keys: Iterable[Key]) -> tuple[Mapping[str, DomainError], list[str]]:
        """Return why some of the accounts may not be read, and the paths of the others. Raises where that is none."""
        refused: dict[str, DomainError] = {}
        for path in dict.fromkeys(key.name for key in keys):
            try:
                self.principal.require(Permission.ACCOUNTS_READ, ledger=ledger, account=path)
            except DomainError as refusal:
                refused[path] = refusal
        paths = [path for path in dict.fromkeys(key.name for key in keys) if path not in refused]
        if not paths:
            raise next(iter(refused.values()))
        return refused, paths

    @asynccontextmanager
    async def _view_of(self, ledger: str, paths: Sequence[str]) -> AsyncIterator[LedgerReads]:
        async def accounts(reads: LedgerReads) -> Iterable[str]:
            return paths

        async with self.view(Permission.ACCOUNTS_READ, ledger, concerning=accounts) as reads:
            yield reads

    async def _load_transactions(self, ledger: str, keys: list[Named]) -> Mapping[Named, Any]:
        async def read(reads: LedgerReads, ledger: str, ids: Sequence[str]) -> Mapping[str, Document]:
            found = await reads.batches.transactions(ledger, ids)
            return {id: view_document(view) for id, view in found.items()}

        return await self._by_ids(ledger, keys, Permission.TRANSACTIONS_READ, read, of_transaction)

    async def _load_holds(self, ledger: str, keys: list[Named]) -> Mapping[Named, Any]:
        async def read(reads: LedgerReads, ledger: str, ids: Sequence[str]) -> Mapping[str, Document]:
            return {id: hold_document(view) for id, view in (await reads.holds.named(ledger, ids)).items()}

        return await self._by_ids(ledger, keys, Permission.HOLDS_READ, read, lambda slug, id: of_holds(slug, [id]))

    async def _by_ids(
        self,
        ledger: str,
        keys: list[Named],
        permission: Permission,
        read: ReadByIds,
        accounts_of: Callable[[str, str], Accounts],
    ) -> Mapping[Named, Any]:
        if not self.principal.reach(permission, ledger).is_limited:
            async with self.view(permission, ledger) as reads:
                found = await read(reads, ledger, [key.name for key in keys])
            return {Named(ledger, id): within(ledger, document) for id, document in found.items()}
        # Who is limited to accounts is asked about for each: what concerns others is refused by itself.
        each: dict[Named, Any] = {}
        for key in keys:
            try:
                async with self.view(permission, ledger, concerning=accounts_of(ledger, key.name)) as reads:
                    for document in (await read(reads, ledger, [key.name])).values():
                        each[key] = within(ledger, document)
            except DomainError as refusal:
                each[key] = refusal
        return each


Info = StrawberryInfo[Asking, None]


def error_of(refusal: DomainError, who: Caller) -> dict[str, Any]:
    """Return the error that says in its `extensions` what REST would say."""
    problem = problem_document(refusal, who.request_id)
    return {"message": problem["detail"], "extensions": {"code": refusal.code, "problem": problem}}


Group = TypeVar("Group")


def _grouped(keys: Iterable[Key], by: Callable[[Key], Group]) -> dict[Group, list[Key]]:
    """Return the different keys in groups, by what they have in common."""
    groups: dict[Group, list[Key]] = {}
    for key in dict.fromkeys(keys):
        groups.setdefault(by(key), []).append(key)
    return groups

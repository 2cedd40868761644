"""The Book: the part of a ledger's state that a group of commands decides on, kept true event by event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from domain.ledger.account import Account, AccountNotFound
from domain.ledger.asset import Asset
from domain.ledger.balance import NOTHING, Balance
from domain.ledger.chart import Chart
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    ChartSet,
    Event,
    LedgerChanged,
    LedgerCreated,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.transaction import Entry
from domain.shared.errors import NotFound

AccountAsset = tuple[str, str]  # an account's path and an asset's code


@dataclass(frozen=True, slots=True)
class Scope:
    """What a command must see before it can decide. Whatever it does not name, it cannot look at."""

    accounts: Iterable[str] = ()
    balances: Iterable[AccountAsset] = ()
    assets: Iterable[str] = ()
    asset_uses: Iterable[str] = ()  # the assets of which it must know whether anything was posted in them
    references: Iterable[str] = ()
    transactions: Iterable[str] = ()

    @staticmethod
    def union(scopes: Iterable["Scope"]) -> "Scope":
        """Return the scope that sees what any of these sees, each thing once."""
        accounts: set[str] = set()
        balances: set[AccountAsset] = set()
        assets: set[str] = set()
        asset_uses: set[str] = set()
        references: set[str] = set()
        transactions: set[str] = set()
        for scope in scopes:
            accounts.update(scope.accounts)
            balances.update(scope.balances)
            assets.update(scope.assets)
            asset_uses.update(scope.asset_uses)
            references.update(scope.references)
            transactions.update(scope.transactions)
        return Scope(accounts, balances, assets, asset_uses, references, transactions)


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """What a ledger says of itself; `version` counts its changes."""

    name: str = ""
    time_zone: str = "UTC"
    metadata: Mapping[str, str] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True)
class PostedTransaction:
    """What may still change about a transaction, or forbids that it is posted again."""

    id: str
    reference: str | None
    metadata: Mapping[str, str]
    version: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an account's history: an entry, and the balance that it left."""

    entry: Entry
    account: Account
    balance: Balance


@dataclass(slots=True)
class Book:
    """The state of a ledger after the event `sequence`, as far as a scope reaches.

    Commands read it; `apply` alone changes it. What is in scope and missing here does not exist.
    """

    sequence: int = 0
    settings: LedgerSettings = field(default_factory=LedgerSettings)
    chart: Chart = field(default_factory=Chart)
    assets: dict[str, Asset] = field(default_factory=dict)
    used_assets: set[str] = field(default_factory=set)
    accounts: dict[str, Account] = field(default_factory=dict)
    balances: dict[AccountAsset, Balance] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    transactions: dict[str, PostedTransaction] = field(default_factory=dict)

    def account(self, path: str) -> Account:
        """Return the account of that path, or raise `AccountNotFound`."""
        account = self.accounts.get(path)
        if account is None:
            raise AccountNotFound(f"There is no account {path!r} in this ledger.")
        return account

    def balance(self, path: str, code: str) -> Balance:
        """Return what was posted to the account in the asset."""
        return self.balances.get((path, code), NOTHING)

    def transaction(self, id: str) -> PostedTransaction:
        """Return the transaction of that id, or raise `NotFound`."""
        transaction = self.transactions.get(id)
        if transaction is None:
            raise NotFound(f"There is no transaction {id!r} in this ledger.")
        return transaction

    def fork(self) -> "Book":
        """Return a book that starts out the same and goes its own way."""
        return Book(
            self.sequence,
            self.settings,
            self.chart,
            dict(self.assets),
            set(self.used_assets),
            dict(self.accounts),
            dict(self.balances),
            dict(self.references),
            dict(self.transactions),
        )

    def apply(self, event: Event) -> tuple[Line, ...]:
        """Take the next event in, and return the lines that it adds to the accounts' histories, entry by entry."""
        self.sequence += 1
        match event:
            case TransactionPosted():
                return self._post(event)
            case AccountOpened():
                self.accounts[event.account] = Account(
                    self.sequence, event.account, event.account_type, metadata=event.metadata
                )
            case AccountChanged():
                account = self.accounts[event.account]
                self.accounts[event.account] = replace(account, metadata=event.metadata, version=account.version + 1)
            case AssetRegistered():
                before = self.assets.get(event.code)
                version = before.version + 1 if before else 1
                self.assets[event.code] = Asset(event.code, event.scale, version)
            case ChartSet():
                self.chart = Chart(event.rules, self.chart.version + 1)
            case TransactionChanged():
                posted = self.transactions[event.id]
                self.transactions[event.id] = replace(posted, metadata=event.metadata, version=posted.version + 1)
            case LedgerCreated():
                self.settings = LedgerSettings(event.name, event.time_zone, event.metadata, 1)
            case LedgerChanged():
                self.settings = replace(
                    self.settings,
                    name=event.name,
                    metadata=event.metadata,
                    version=self.settings.version + 1,
                )
        return ()

    def _post(self, event: TransactionPosted) -> tuple[Line, ...]:
        lines = []
        for entry in event.entries:
            key = (entry.account, entry.asset.code)
            balance = self.balances.get(key, NOTHING).after(
                entry.direction, entry.amount, sequence=self.sequence, effective_at=event.effective_at
            )
            self.balances[key] = balance
            self.used_assets.add(entry.asset.code)
            lines.append(Line(entry, self.accounts[entry.account], balance))
        if event.reference is not None:
            self.references[event.reference] = event.id
        self.transactions[event.id] = PostedTransaction(event.id, event.reference, event.metadata)
        return tuple(lines)

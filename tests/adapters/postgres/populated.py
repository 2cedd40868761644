"""A ledger with some hundred transactions of all sorts in it, and plain loops that say what is to be found there."""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from application.ledger.ports import Books, LedgerAddress, Outcome
from application.ledger.readers import AccountFilter, AccountView, TransactionFilter, TransactionView
from application.ledger.spans import Span
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.effect import Line
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    Event,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.transaction import Direction, Entry, TransactionKind
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import write
from tests.builders import EUR, JPY, NOW, POINTS, transaction_id
from tests.naive import fits

HUGE = Asset("HUGE", 30)
ASSETS = (EUR, JPY, POINTS, HUGE)
PATHS = (
    *("assets:bank", "assets:bank.2", "assets:bank:old", "users", "users:1", "users:1:wallet", "users:1:fees"),
    *("users:10:wallet", "users:2:wallet", "users:2:sub:wallet", "Users:1:wallet", "zebra", "Ärger:ö", "中:文"),
    *("\U00010400", "\uffda", "a-b", "a_b", "a.b", "ab", "fees", "unused"),
)
HOT = "assets:bank"  # has about every other entry
REFERENCES = (None, "order", "order-", "order-1", "Order-1", "réf", "reference")
METADATA: tuple[Mapping[str, str], ...] = ({}, {"k": "1"}, {"k": "2"}, {"k": "1", "l": "1"}, {"l": "1"}, {"k": "12"})


@dataclass(slots=True)
class Populated:
    """What was written, in order."""

    address: LedgerAddress
    accounts: dict[str, AccountView] = field(default_factory=dict)
    transactions: list[TransactionView] = field(default_factory=list)
    sequence: int = 1

    def take(self, outcome: Outcome) -> None:
        """Take in what was written."""
        for applied in outcome.applied:
            self.sequence += 1
            match applied.event:
                case AccountOpened(path, account_type, metadata):
                    account = Account(self.sequence, path, account_type, metadata=metadata)
                    self.accounts[path] = AccountView(account, applied.recorded_at)
                case AccountChanged(path, metadata):
                    view = self.accounts[path]
                    changed = replace(view.account, metadata=metadata, version=view.account.version + 1)
                    self.accounts[path] = replace(view, account=changed)
                case TransactionPosted() as event:
                    self._post(event, applied.recorded_at)
                case TransactionChanged(id, metadata):
                    (place,) = [place for place, view in enumerate(self.transactions) if view.id == id]
                    view_before = self.transactions[place]
                    self.transactions[place] = replace(view_before, metadata=metadata, version=view_before.version + 1)
                case AssetRegistered():
                    pass
                case other:
                    raise AssertionError(other)

    def _post(self, event: TransactionPosted, recorded_at: datetime) -> None:
        lines: list[Line] = []
        for entry in event.entries:
            before = self.lines(entry.account, entry.asset.code) + [
                line for line in lines if (line.entry.account, line.entry.asset) == (entry.account, entry.asset)
            ]
            same = [line.entry for line in before] + [entry]
            lines.append(Line(entry, self.accounts[entry.account].account, summed(same)))
        self.transactions.append(
            TransactionView(
                id=event.id,
                sequence=self.sequence,
                kind=TransactionKind.ORDINARY,
                reference=event.reference,
                description=event.description,
                effective_at=event.effective_at,
                recorded_at=recorded_at,
                metadata=event.metadata,
                version=1,
                entries=lines,
            )
        )

    def lines(self, path: str, code: str | None = None, sequence: int | None = None) -> list[Line]:
        """The lines of an account, as they were told when they were written."""
        return [line for _, _, line in self.history(path, code, sequence)]

    def history(
        self, path: str, code: str | None = None, sequence: int | None = None
    ) -> list[tuple[TransactionView, int, Line]]:
        """The lines of an account, with the transaction and the position of each."""
        return [
            (view, position, line)
            for view in self.transactions
            for position, line in enumerate(view.entries)
            if line.entry.account == path
            and code in (None, line.entry.asset.code)
            and (sequence is None or view.sequence <= sequence)
        ]

    def balances(self, path: str, sequence: int) -> dict[Asset, Balance]:
        """What an account held after an event."""
        entries = [line.entry for line in self.lines(path, None, sequence)]
        return {
            asset: summed([entry for entry in entries if entry.asset == asset])
            for asset in ASSETS
            if any(entry.asset == asset for entry in entries)
        }

    def now(self, view: TransactionView) -> TransactionView:
        """The transaction with its accounts as they are now."""
        entries = [Line(line.entry, self.accounts[line.entry.account].account, line.balance) for line in view.entries]
        return replace(view, entries=entries)


def summed(entries: Iterable[Entry]) -> Balance:
    """The balance that is left by entries of one account and asset."""
    entries = list(entries)
    return Balance(
        sum(entry.amount for entry in entries if entry.direction is Direction.DEBIT),
        sum(entry.amount for entry in entries if entry.direction is Direction.CREDIT),
        len(entries),
    )


async def populated(books: Books, address: LedgerAddress, *, seed: int, transactions: int) -> Populated:
    """Fill the ledger."""
    random = Random(seed)
    told = Populated(address)
    told.take(await write(books, address, *(AssetRegistered(asset.code, asset.scale) for asset in ASSETS)))
    unopened = list(PATHS)
    random.shuffle(unopened)
    while unopened or len(told.transactions) < transactions:
        events: list[Event] = []
        for _ in range(random.randint(1, 3)):
            if unopened:
                account_type = random.choice(list(AccountType))
                events.append(AccountOpened(unopened.pop(), account_type, random.choice(METADATA)))
        opened = [*told.accounts, *(event.account for event in events if isinstance(event, AccountOpened))]
        usable = [path for path in opened if path != "unused"]
        usable += [path for path in usable if path == HOT] * len(PATHS)
        if len(opened) > 2:
            for _ in range(random.randint(1, 8)):
                events.append(_posting(random, usable, told.sequence + len(events)))
        if told.accounts and random.random() < 0.2:
            events.append(AccountChanged(random.choice(list(told.accounts)), random.choice(METADATA)))
        if told.transactions and random.random() < 0.4:
            events.append(TransactionChanged(random.choice(told.transactions).id, random.choice(METADATA)))
        told.take(await write(books, address, *events))
    return told


def _posting(random: Random, paths: list[str], number: int) -> TransactionPosted:
    entries: list[Entry] = []
    for _ in range(random.choice([1, 1, 1, 2])):
        asset = random.choices(ASSETS, [6, 2, 2, 1])[0]
        amount = random.choice([1, 7, 100, 10**30])
        # Sometimes both on one account, which then has two lines of the transaction.
        sides = random.sample(list(Direction), 2)
        entries.extend(Entry(random.choice(paths), direction, amount, asset) for direction in sides)
    reference = random.choice(REFERENCES)
    return TransactionPosted(
        transaction_id(),
        tuple(entries),
        NOW - timedelta(days=random.randint(0, 6)),
        reference=None if reference is None else f"{reference}.{number}",
        metadata=random.choice(METADATA),
    )


def is_within(value: datetime | int, span: Span) -> bool:
    """Whether the value lies in the span."""
    bounds: list[tuple[Any, Callable[[Any, Any], bool]]] = [
        (span.gt, operator.gt),
        (span.gte, operator.ge),
        (span.lt, operator.lt),
        (span.lte, operator.le),
    ]
    return all(bound is None or holds(value, bound) for bound, holds in bounds)


def is_like(path: str, pattern: Pattern | None) -> bool:
    """Whether the path fits the pattern."""
    return pattern is None or fits(pattern.text.split(":"), path.split(":"))


def shows_account(where: AccountFilter, view: AccountView) -> bool:
    """Whether a list so filtered shows the account."""
    account = view.account
    return (
        is_like(account.path, where.path)
        and (not where.type or account.type.value in where.type)
        and (not where.status or account.status.value in where.status)
        and where.metadata.items() <= account.metadata.items()
        and is_within(view.opened_at, where.opened_at)
    )


def shows_transaction(where: TransactionFilter, view: TransactionView) -> bool:
    """Whether a list so filtered shows the transaction."""
    return (
        any(
            is_like(line.entry.account, where.account) and where.asset in (None, line.entry.asset.code)
            for line in view.entries
        )
        and (not where.reference or view.reference in where.reference)
        and (where.reference_prefix is None or (view.reference or "\0").startswith(where.reference_prefix))
        and (where.reference_prefix is None or view.reference is not None)
        and (where.has_reference is None or where.has_reference == (view.reference is not None))
        and where.metadata.items() <= view.metadata.items()
        and is_within(view.effective_at, where.effective_at)
        and is_within(view.recorded_at, where.recorded_at)
        and is_within(view.sequence, where.sequence)
    )

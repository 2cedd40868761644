"""Ledgers in memory: a whole `Book` and a log for each.

What was committed is never changed in place: a group works on a fork, and a clean exit puts that fork in the place of
the book before it. So whoever looked at the ledger earlier goes on seeing what there was.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from application.ledger.ports import Applied, DueHolds, KnownKey, LedgerAddress, Outcome
from application.ledger.sizes import require_loadable, within_entries
from application.shared.ports import Clock, Ids
from domain.ledger.book import Book
from domain.ledger.changes import Results
from domain.ledger.events import Event, LedgerCreated, TransactionPosted
from domain.ledger.hold import HoldStatus
from domain.ledger.ledger import LedgerExists, LedgerNotFound
from domain.ledger.scope import Looked, Scope, ScopeTooNarrow
from domain.shared.chain import Author, Head, Recorded, record

Key = TypeVar("Key")
Value = TypeVar("Value")


class NotTheNextEvent(Exception):
    """What was to be appended does not follow the ledger's last event."""


@dataclass(slots=True)
class _Ledger:
    """What is kept of one ledger; `applied[i]` is the event at sequence i + 1."""

    book: Book = field(default_factory=Book)
    head: Head = field(default_factory=Head)
    applied: list[Applied] = field(default_factory=list)
    keys: dict[str, KnownKey] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class MemorySnapshot:
    """A `Snapshot`: the book that was the ledger's when it was opened."""

    def __init__(self, ledger: _Ledger) -> None:
        self._ledger = ledger
        self._book = ledger.book
        self.head: Head = ledger.head

    async def load(self, scope: Scope) -> Book:
        return _limited(self._ledger, self._book, scope)

    async def due_holds(self, now: datetime, *, entries_max: int) -> DueHolds:
        due = sorted(
            (hold.expires_at, hold.number, hold.id, len(hold.entries))
            for hold in self._book.holds.values()
            if hold.status is HoldStatus.OPEN and hold.expires_at is not None and hold.expires_at <= now
        )
        return within_entries([(id, entries) for _, _, id, entries in due], entries_max)


class MemoryGroup(MemorySnapshot):
    """A `Group`: works on a fork of the book until it ends well."""

    def __init__(self, ledger: _Ledger) -> None:
        super().__init__(ledger)
        self._next_book = ledger.book
        self._next_head = ledger.head
        self._next_applied: list[Applied] = []
        self._next_keys: dict[str, KnownKey] = {}

    async def known_keys(self, keys: Sequence[str], *, used_after: datetime) -> Mapping[str, KnownKey]:
        known = _named(self._ledger.keys, keys)
        return {key: use for key, use in known.items() if self._used_at(use) > used_after}

    async def recall(self, known: Mapping[str, KnownKey]) -> Mapping[str, Outcome]:
        applied = self._ledger.applied
        return {key: Outcome(tuple(applied[use.first_sequence - 1 : use.last_sequence])) for key, use in known.items()}

    async def append(self, outcomes: Sequence[Outcome]) -> None:
        self._next_book = self._next_book.fork()
        for outcome in outcomes:
            sequences = [self._append(applied) for applied in outcome.applied]
            if outcome.key is not None and sequences:
                use = KnownKey(outcome.key.fingerprint, sequences[0], sequences[-1])
                self._next_keys[outcome.key.key] = use

    async def has_event(self, sequence: int, hash: bytes) -> bool:
        return 0 < sequence <= self.head.sequence and _recorded(self._ledger.applied[sequence - 1]).hash == hash

    def keep(self) -> None:
        """Make what was appended the ledger's."""
        self._ledger.book = self._next_book
        self._ledger.head = self._next_head
        self._ledger.applied += self._next_applied
        self._ledger.keys |= self._next_keys

    def _append(self, applied: Applied) -> int:
        recorded = _recorded(applied)
        if (recorded.sequence, recorded.previous_hash) != (self._next_head.sequence + 1, self._next_head.hash):
            raise NotTheNextEvent(f"{applied.event.type} at {recorded.sequence} after {self._next_head.sequence}")
        if self._next_book.apply(applied.event) != applied.effect:
            raise ScopeTooNarrow(f"{applied.event.type} at {recorded.sequence}")
        self._next_head = recorded.head
        self._next_applied.append(applied)
        return recorded.sequence

    def _used_at(self, use: KnownKey) -> datetime:
        return self._ledger.applied[use.last_sequence - 1].recorded_at


class MemoryBooks:
    """`Books` in memory. Each ledger's lock is its head; a group that fails leaves no trace."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._ledgers: dict[LedgerAddress, _Ledger] = {}

    def create(self, address: LedgerAddress, created: LedgerCreated, author: Author) -> Recorded[Event]:
        """Start a ledger with its first event (see `domain.ledger.ledger.create`). Raises `LedgerExists`."""
        if address in self._ledgers:
            raise LedgerExists(f"There is a ledger {address.slug!r} already.")
        now = self._clock.now()
        event: Event = created
        recorded = record(event, Head(), id=self._ids.new("evt"), author=author, recorded_at=now)
        ledger = self._ledgers[address] = _Ledger(head=recorded.head)
        ledger.applied.append(Applied(event, ledger.book.apply(event), now, recorded))
        return recorded

    def log(self, address: LedgerAddress) -> list[tuple[bytes, bytes]]:
        """Return the stored bytes and hash of every event, as `domain.shared.chain.follow` verifies them."""
        return [(recorded.content, recorded.hash) for recorded in map(_recorded, self._ledger(address).applied)]

    @asynccontextmanager
    async def group(self, ledger: LedgerAddress) -> AsyncIterator[MemoryGroup]:
        kept = self._ledger(ledger)
        async with kept.lock:
            group = MemoryGroup(kept)
            yield group
            group.keep()

    @asynccontextmanager
    async def snapshot(self, ledger: LedgerAddress) -> AsyncIterator[MemorySnapshot]:
        yield MemorySnapshot(self._ledger(ledger))

    def _ledger(self, address: LedgerAddress) -> _Ledger:
        ledger = self._ledgers.get(address)
        if ledger is None:
            raise LedgerNotFound(f"There is no ledger {address.slug!r}.")
        return ledger


def _limited(ledger: _Ledger, book: Book, scope: Scope) -> Book:
    """Return a book of what the scope names, and no more: a command that forgets to name something must notice here."""
    holds = _named(book.holds, scope.holds)
    transactions = _named(book.transactions, scope.transactions)
    for id in scope.reversals:
        if id in book.transactions:
            transactions |= {each.id: each for each in book.lineage(id)}
    entries = [entry for each in holds.values() for entry in each.entries]
    entries += [entry for id in scope.reversals if id in transactions for entry in transactions[id].entries]
    require_loadable(len(entries))
    results = {before: _results(ledger.applied[: book.sequence], before) for before in scope.results}
    keys = {
        *scope.balances,
        *[(entry.account, entry.asset.code) for entry in entries],
        *[key for of_time in results.values() for key in of_time],
        *[key for key in {*book.balances, *book.held} if scope.unsettled or key[0] in set(scope.whole_accounts)],
    }
    accounts = {*scope.accounts, *scope.whole_accounts, *[path for path, _ in keys]}
    return Book(
        sequence=book.sequence,
        settings=book.settings,
        chart=book.chart,
        assets=_named(book.assets, {*scope.assets, *[code for _, code in keys]}),
        used_assets={code for code in scope.asset_uses if code in book.used_assets},
        accounts=_named(book.accounts, accounts),
        balances=_named(book.balances, keys),
        held=_named(book.held, keys),
        references=_named(book.references, scope.references),
        transactions=transactions,
        holds=holds,
        periods=_named(book.periods, scope.periods),
        attachments=_named(book.attachments, scope.attachments),
        results=results,
        seen=Looked(keys, set(scope.whole_accounts)),
    )


def _results(applied_events: Sequence[Applied], before: datetime) -> Results:
    """Return the net debits of all income and expense accounts, of entries that are effective before that time."""
    results: Results = {}
    for applied in applied_events:
        if isinstance(applied.event, TransactionPosted) and applied.event.effective_at < before:
            for line in applied.lines:
                if line.account.type.has_results:
                    key = (line.account.path, line.entry.asset.code)
                    results[key] = results.get(key, 0) + line.entry.signed
    return results


def _named(kept: Mapping[Key, Value], names: Iterable[Key]) -> dict[Key, Value]:
    return {name: kept[name] for name in names if name in kept}


def _recorded(applied: Applied) -> Recorded[Event]:
    if applied.recorded is None:
        raise NotTheNextEvent(f"{applied.event.type} of a dry run has no place in the chain")
    return applied.recorded

"""Books that a test can hold up, and make fail at the moments at which a real store does."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from enum import Enum

from application.ledger.ports import Books, DueHolds, Group, KnownKey, LedgerAddress, Outcome, Snapshot
from domain.ledger.book import Book
from domain.ledger.scope import Scope
from domain.shared.chain import Head

Work = Callable[[], Awaitable[object]]


class Moment(Enum):
    """When a group fails."""

    OPENING = "before the head is held"
    LOADING = "while state is read"
    APPENDING = "while events are written"
    COMMITTING = "before COMMIT: nothing is kept"
    COMMITTED = "after COMMIT: all is kept, and nobody was told"


class WaywardBooks:
    """Books around others. `appended` tells the outcomes of each append that succeeded, one list for a group."""

    def __init__(self, books: Books) -> None:
        self.appended: list[list[Outcome]] = []
        self.looked_up = 0
        self._books = books
        self._failures: dict[Moment, deque[tuple[Exception, Work | None]]] = {moment: deque() for moment in Moment}
        self._culprits: list[tuple[Callable[[Outcome], bool], Exception]] = []
        self._meanwhile: list[Work] = []
        self._gates: dict[LedgerAddress, asyncio.Event] = {}
        self._arrived: dict[LedgerAddress, asyncio.Event] = {}

    def fail(self, moment: Moment, *errors: Exception, meanwhile: Work | None = None) -> None:
        """Raise these, one at each of the next groups' arrivals at the moment.

        `meanwhile` is done after the last of them, before the next group holds the head.
        """
        for error in errors[:-1]:
            self._failures[moment].append((error, None))
        self._failures[moment].append((errors[-1], meanwhile))

    def choke_on(self, is_culprit: Callable[[Outcome], bool], error: Exception) -> None:
        """Raise whenever such an outcome is appended, as a store does that cannot store it."""
        self._culprits.append((is_culprit, error))

    def forget_failures(self) -> None:
        """Fail no more."""
        for planned in self._failures.values():
            planned.clear()

    def hold_up(self, ledger: LedgerAddress) -> None:
        """Let groups of the ledger wait when they are about to append."""
        self._gates[ledger] = asyncio.Event()
        self._arrived[ledger] = asyncio.Event()

    async def arrival(self, ledger: LedgerAddress) -> None:
        """Wait until a group is held up."""
        await asyncio.wait_for(self._arrived[ledger].wait(), timeout=5)

    def let_go(self, ledger: LedgerAddress) -> None:
        """Let it go on, and all that follow."""
        self._gates.pop(ledger).set()

    @asynccontextmanager
    async def group(self, ledger: LedgerAddress) -> AsyncIterator["WaywardGroup"]:
        while self._meanwhile:
            await self._meanwhile.pop(0)()
        self.pass_or_fail(Moment.OPENING)
        async with self._books.group(ledger) as held:
            group = WaywardGroup(held, self, ledger)
            yield group
            # Whether a mere look-up commits is of no interest to anyone.
            if not group.is_look_up:
                self.pass_or_fail(Moment.COMMITTING)
        if not group.is_look_up:
            self.pass_or_fail(Moment.COMMITTED)

    def snapshot(self, ledger: LedgerAddress) -> AbstractAsyncContextManager[Snapshot]:
        return self._books.snapshot(ledger)

    def pass_or_fail(self, moment: Moment) -> None:
        """Raise what was planned for the moment, if anything was."""
        if self._failures[moment]:
            error, meanwhile = self._failures[moment].popleft()
            if meanwhile is not None:
                self._meanwhile.append(meanwhile)
            raise error

    async def pass_gate(self, ledger: LedgerAddress, outcomes: Sequence[Outcome]) -> None:
        """Wait at the ledger's gate, and raise if one of the outcomes cannot be stored."""
        if ledger in self._gates:
            self._arrived[ledger].set()
            await self._gates[ledger].wait()
        self.pass_or_fail(Moment.APPENDING)
        for is_culprit, error in self._culprits:
            if any(map(is_culprit, outcomes)):
                raise error


class WaywardGroup:
    """A group of wayward books."""

    def __init__(self, held: Group, books: WaywardBooks, ledger: LedgerAddress) -> None:
        self._held = held
        self._books = books
        self._ledger = ledger
        self.is_look_up = False

    @property
    def head(self) -> Head:
        return self._held.head

    async def load(self, scope: Scope) -> Book:
        self._books.pass_or_fail(Moment.LOADING)
        return await self._held.load(scope)

    async def due_holds(self, now: datetime, *, entries_max: int) -> DueHolds:
        return await self._held.due_holds(now, entries_max=entries_max)

    async def known_keys(self, keys: Sequence[str], *, used_after: datetime) -> Mapping[str, KnownKey]:
        return await self._held.known_keys(keys, used_after=used_after)

    async def recall(self, known: Mapping[str, KnownKey]) -> Mapping[str, Outcome]:
        return await self._held.recall(known)

    async def append(self, outcomes: Sequence[Outcome]) -> None:
        await self._books.pass_gate(self._ledger, outcomes)
        await self._held.append(outcomes)
        self._books.appended.append(list(outcomes))

    async def has_event(self, sequence: int, hash: bytes) -> bool:
        self._books.looked_up += 1
        self.is_look_up = True
        return await self._held.has_event(sequence, hash)

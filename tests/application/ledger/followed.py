"""A log that grows while it is followed, and those who follow it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import cast

from adapters.memory import CountedIds
from application.ledger.followers import EVERY_EVENT, EventFilter
from application.ledger.ports import Applied, LedgerAddress
from application.ledger.readers import LedgerReads, StoredEvent
from application.ledger.relay import Relay
from application.shared.ports import Seen, StoreUnavailable
from domain.ledger.account import AccountType
from domain.ledger.effect import NO_EFFECT
from domain.ledger.events import AccountOpened, Event
from domain.shared.access import Permission, Principal
from domain.shared.chain import Head, record
from domain.shared.errors import NotAuthenticated
from tests.builders import AUTHOR, NOW, principal

MAIN = LedgerAddress(1, "main")
_ids = CountedIds(start=9_000_000)


def opened(path: str) -> Event:
    """An account's opening."""
    return AccountOpened(path, AccountType.LIABILITY)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in a moment."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it has not happened")


class GrowingLog:
    """The log of one ledger, as several processes write to it and any of them may read it."""

    def __init__(self) -> None:
        self.events_: list[StoredEvent] = []
        self.head_ = Head()
        self.is_away = False
        self.reads = 0
        self.heads = 0

    def append(self, *events: Event) -> list[Applied]:
        """Commit a group; return what the process that did so knows of it."""
        applied = []
        for event in events:
            recorded = record(event, self.head_, id=_ids.new("evt"), author=AUTHOR, recorded_at=NOW)
            self.head_ = recorded.head
            self.events_.append(
                StoredEvent(recorded.sequence, recorded.content, recorded.previous_hash, recorded.hash, NOW)
            )
            applied.append(Applied(event, NO_EFFECT, NOW, recorded))
        return applied

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
        principal.require(permission, ledger=ledger, account=account)
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("away")
        yield cast(LedgerReads, _Reads(self))

    def begin(
        self,
        principal: Principal,
        permission: Permission,
        *,
        ledger: str | None = None,
        takes_away: bool = False,
    ) -> AbstractAsyncContextManager[object]:
        raise NotImplementedError


class _Reads:
    def __init__(self, log: GrowingLog) -> None:
        self.ledgers = _Ledgers(log)
        self.events = _Events(log)


class _Ledgers:
    def __init__(self, log: GrowingLog) -> None:
        self._log = log

    async def head(self, slug: str, *, up_to: int | None = None) -> Head:
        assert up_to is None
        self._log.heads += 1
        return self._log.head_


class _Events:
    def __init__(self, log: GrowingLog) -> None:
        self._log = log

    async def events(self, slug: str, *, after: int, limit: int) -> Sequence[StoredEvent]:
        self._log.reads += 1
        await asyncio.sleep(0)
        return self._log.events_[after : after + limit]


class Wire:
    """Wake-ups between the relays of one test, which come only when it is said so."""

    def __init__(self) -> None:
        self.heard_since: float | None = 0.0
        self.announced: list[tuple[LedgerAddress, int]] = []

    def listen(self, hear: Callable[[LedgerAddress, int], None]) -> None:
        self.hear = hear

    def announce(self, ledger: LedgerAddress, sequence: int) -> None:
        self.announced.append((ledger, sequence))


class Reader:
    """One who follows, and what it has got."""

    def __init__(self, relay: Relay, *, after: int | None = None, wanted: EventFilter = EVERY_EVENT) -> None:
        self.got: list[int] = []
        self.is_revoked = False
        self.through = 0
        self.wanted = wanted
        self.taking = asyncio.Event()
        self.taking.set()
        self._following = relay.follow(self.who, "main", after=after, wanted=wanted)
        self.task = asyncio.create_task(self._run())

    async def who(self) -> Principal:
        """Who follows, as long as it is known."""
        if self.is_revoked:
            raise NotAuthenticated("It was revoked.")
        return principal()

    async def _run(self) -> None:
        async with aclosing(self._following):
            async for delivery in self._following:
                self.got += [event.stored.sequence for event in delivery.events]
                assert delivery.through >= self.through
                self.through = delivery.through
                await self.taking.wait()

    async def leave(self) -> None:
        """Go away."""
        self.task.cancel()
        await asyncio.wait([self.task])

"""Handling: each handler of an extension is told of each event of each ledger, in order, at least once.

The log is what is followed, and cursors on it are kept: what was being told when a process was killed, another one
tells again. An event that a handler fails at is told again after a while, and holds up what comes after it in its
ledger, for that handler, and nobody else: handlers do not wait for each other, and of one, organisations take turns.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic
from typing import Final

from application.extensions.ports import HandlerCursors, Happened, Organisations
from application.ledger.ports import LedgerAddress
from application.ledger.readers import StoredEvent
from application.ledger.relay import WakeUps, is_to_look
from application.shared.extension_watch import ExtensionWatch
from application.shared.ongoing import Ongoing
from application.shared.ports import CommitInDoubt, Ids, StoreUnavailable
from application.shared.telling import Telling
from domain.jobs.job import pause_after

LOOK_SECONDS: Final = 1.0
ORGANISATIONS_AT_A_TIME: Final = 4
PAGE: Final = 500
# A turn ends after so many events, or at the first one that ends after so long.
EVENTS_MAX: Final = 100
TURN_SECONDS: Final = 1.0
# Longer than any turn, the last event of which may take as long as it may.
LEASE: Final = timedelta(seconds=60)
# Whoever takes longer is stopped, and tried again later.
EVENT_SECONDS_MAX: Final = 30.0
SLOW_SECONDS: Final = 1.0
PASSING: Final = (StoreUnavailable, CommitInDoubt)

_log = logging.getLogger("partita.extensions")


@dataclass(frozen=True, slots=True)
class BoundHandler:
    """A handler, by a name that no other has, of events of these types, or of all."""

    name: str
    watch: ExtensionWatch
    handle: Callable[[Happened], Awaitable[None]]
    types: frozenset[str] = frozenset()


class EventHandling(Ongoing):
    """Tells handlers of events, from `start` to `stop`, or once with `handle_due`. Any number of processes may."""

    def __init__(
        self,
        handlers: Sequence[BoundHandler],
        organisations: Organisations,
        cursors: HandlerCursors,
        ids: Ids,
        wake_ups: WakeUps,
        *,
        seconds_max: float = EVENT_SECONDS_MAX,
    ) -> None:
        self._organisations = organisations
        self._wake_ups = wake_ups
        self._telling = Telling(_log, "extensions are told of events later", "extensions could not be told of events")
        self._followings = [_Following(each, cursors, ids, self._telling, seconds_max) for each in handlers]
        if handlers:
            wake_ups.listen(self.hear)

    def start(self) -> None:
        """Begin, on the running loop, if there is anyone to be told."""
        if self._followings:
            super().start()

    def hear(self, ledger: LedgerAddress, sequence: int) -> None:
        """Hear from any process that a ledger has new events."""
        if self._going is not None:
            self._call((ledger.organisation_id,))

    async def handle_due(self) -> None:
        """Tell all handlers of all events that they do not know yet, but for those that have to wait."""
        async with self._turns():
            await self._look()
            for each in self._followings:
                await each.row.join()

    async def _go_on(self) -> None:
        looked_at = 0.0
        async with self._turns():
            while True:
                try:
                    if is_to_look(self._wake_ups, looked_at):
                        looked_at = monotonic()
                        await self._look()
                except Exception as error:
                    self._telling.tell(error)
                await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        after = 0
        while page := await self._organisations.numbers(after=after, limit=PAGE):
            self._call(page)
            after = page[-1]

    def _call(self, organisations: Iterable[int]) -> None:
        for each in self._followings:
            for organisation_id in organisations:
                each.row.add(organisation_id)

    @asynccontextmanager
    async def _turns(self) -> AsyncIterator[None]:
        """Have turns taken for as long as this lasts."""
        tasks = [
            asyncio.create_task(each.take_turns(), name=f"handler {each.handler.name}")
            for each in self._followings
            for _ in range(ORGANISATIONS_AT_A_TIME)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _Row:
    """Organisations in a row, each once: who is called while it has its turn comes again after it, at the end."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[int] = asyncio.Queue()
        self._known: set[int] = set()
        self._called: set[int] = set()

    def add(self, organisation_id: int) -> None:
        """Call an organisation."""
        if organisation_id in self._known:
            self._called.add(organisation_id)
        else:
            self._known.add(organisation_id)
            self._queue.put_nowait(organisation_id)

    async def next(self) -> int:
        """Return whose turn begins, once there is one."""
        organisation_id = await self._queue.get()
        self._called.discard(organisation_id)
        return organisation_id

    def end(self, organisation_id: int, *, is_to_return: bool) -> None:
        """End its turn."""
        self._known.discard(organisation_id)
        if is_to_return or organisation_id in self._called:
            self.add(organisation_id)
        self._queue.task_done()

    async def join(self) -> None:
        """Return when the row is empty, and all turns have ended."""
        await self._queue.join()


class _Following:
    """How one handler follows all ledgers."""

    def __init__(
        self, handler: BoundHandler, cursors: HandlerCursors, ids: Ids, telling: Telling, seconds_max: float
    ) -> None:
        self.handler = handler
        self.row = _Row()
        self._cursors = cursors
        self._ids = ids
        self._telling = telling
        self._seconds_max = seconds_max

    async def take_turns(self) -> None:
        """Give the next in the row their turns, one after the other, and never return."""
        while True:
            organisation_id = await self.row.next()
            is_to_return = False
            try:
                is_to_return = await self._turn(organisation_id)
            except Exception as error:  # of the store; what is of the handler is seen to
                self._telling.tell(error)
            finally:
                self.row.end(organisation_id, is_to_return=is_to_return)

    async def _turn(self, organisation_id: int) -> bool:
        """Tell of the next events of a ledger, up to one that is failed at; return whether there was such a ledger."""
        place = await self._cursors.claim(organisation_id, self.handler.name, self._ids.new("lease"), LEASE)
        if place is None:
            return False
        pause = timedelta()
        ends_at = monotonic() + TURN_SECONDS
        try:
            for stored in await self._cursors.events(place, after=place.sequence, limit=EVENTS_MAX):
                await self._tell(_happened(place.ledger, stored))
                place = replace(place, sequence=stored.sequence, attempts=0)
                if monotonic() > ends_at:
                    break
        except _Failed:
            place = replace(place, attempts=place.attempts + 1)
            pause = pause_after(place.attempts)
        finally:
            await self._cursors.leave(place, pause)
        return True

    async def _tell(self, event: Happened) -> None:
        handler = self.handler
        if handler.types and event.type not in handler.types:
            return
        what = f"its handler {handler.name}"
        try:
            await handler.watch.awaited(
                what, handler.handle(event), slow_seconds=SLOW_SECONDS, seconds_max=self._seconds_max, fine=PASSING
            )
        except Exception as error:
            _log.info(
                "the event %s of the ledger %s of organisation %d is told to %s again: %r",
                *(event.sequence, event.ledger.slug, event.ledger.organisation_id, handler.name, error),
            )
            raise _Failed from error


class _Failed(Exception):
    """A handler failed, which was told."""


def _happened(ledger: LedgerAddress, stored: StoredEvent) -> Happened:
    event = json.loads(stored.content)
    return Happened(
        ledger,
        stored.sequence,
        event["id"],
        event["type"],
        event["data"],
        event["actor"],
        stored.recorded_at,
    )

"""Handling: each handler of an extension is told of each event of each ledger, in order, at least once.

The log is what is followed, and cursors on it are kept: what was being told when a process was killed, another one
tells again. An event that a handler fails at is told again after a while, and holds up what comes after it in its
ledger, for that handler, and nobody else.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic
from typing import Final

from application.extensions.ports import HandlerCursors, Happened, Organisations, Place
from application.ledger.ports import LedgerAddress
from application.ledger.readers import StoredEvent
from application.ledger.relay import WakeUps, is_to_look
from application.shared.extension_watch import ExtensionWatch
from application.shared.ongoing import Ongoing
from application.shared.ports import Clock, CommitInDoubt, Ids, StoreUnavailable
from application.shared.telling import Telling
from domain.jobs.job import pause_after

LOOK_SECONDS: Final = 1.0
ORGANISATIONS_AT_A_TIME: Final = 4
PAGE: Final = 500
EVENTS_MAX: Final = 100
LEASE: Final = timedelta(seconds=60)
# Half of what a ledger is ours for: whoever takes longer is stopped, and tried again later.
EVENT_SECONDS_MAX: Final = 30.0
SLOW_SECONDS: Final = 1.0
KEPT_EVERY_SECONDS: Final = 1.0

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
        clock: Clock,
        ids: Ids,
        wake_ups: WakeUps,
        *,
        seconds_max: float = EVENT_SECONDS_MAX,
    ) -> None:
        self._handlers = handlers
        self._organisations = organisations
        self._cursors = cursors
        self._clock = clock
        self._ids = ids
        self._wake_ups = wake_ups
        self._seconds_max = seconds_max
        self._news: set[int] = set()
        self._called = asyncio.Event()
        self._telling = Telling(_log, "extensions are told of events later", "extensions could not be told of events")
        if handlers:
            wake_ups.listen(self.hear)

    def start(self) -> None:
        """Begin, on the running loop, if there is anyone to be told."""
        if self._handlers:
            super().start()

    def hear(self, ledger: LedgerAddress, sequence: int) -> None:
        """Hear from any process that a ledger has new events."""
        if self._going is not None:
            self._news.add(ledger.organisation_id)
            self._called.set()

    async def handle_due(self) -> None:
        """Tell all handlers of all events that they do not know yet, but for those that have to wait."""
        after = 0
        while page := await self._organisations.numbers(after=after, limit=PAGE):
            await self._look(page)
            after = page[-1]

    async def _go_on(self) -> None:
        looked_at = 0.0
        while True:
            try:
                if is_to_look(self._wake_ups, looked_at):
                    looked_at = monotonic()
                    await self.handle_due()
                self._called.clear()
                news, self._news = self._news, set()
                await self._look(sorted(news))
            except Exception as error:
                self._telling.tell(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._called.wait()

    async def _look(self, organisations: Sequence[int]) -> None:
        places = asyncio.Semaphore(ORGANISATIONS_AT_A_TIME)

        async def look(organisation_id: int) -> None:
            async with places:
                for handler in self._handlers:
                    try:
                        while (place := await self._claimed(organisation_id, handler)) is not None:
                            await self._tell_next(handler, place)
                    except Exception as error:  # of the store; what is of the handler is seen to
                        self._telling.tell(error)

        async with asyncio.TaskGroup() as group:
            for organisation_id in organisations:
                group.create_task(look(organisation_id))

    async def _claimed(self, organisation_id: int, handler: BoundHandler) -> Place | None:
        now = self._clock.now()
        return await self._cursors.claim(organisation_id, handler.name, self._ids.new("lease"), now, now + LEASE)

    async def _tell_next(self, handler: BoundHandler, place: Place) -> None:
        """Tell the handler of the next events of a ledger, up to one that it fails at."""
        loop = asyncio.get_running_loop()
        kept_at = loop.time()
        try:
            for stored in await self._cursors.events(place, after=place.sequence, limit=EVENTS_MAX):
                event = _happened(place.ledger, stored)
                if not handler.types or event.type in handler.types:
                    await self._tell(handler, event)
                place = replace(place, sequence=stored.sequence, attempts=0)
                if loop.time() > kept_at + KEPT_EVERY_SECONDS:
                    kept_at = loop.time()
                    if not await self._keep(place, LEASE):
                        return
        except asyncio.CancelledError:
            await self._keep(place, timedelta(), is_left=True)
            raise
        except _Failed:
            place = replace(place, attempts=place.attempts + 1)
            await self._keep(place, pause_after(place.attempts), is_left=True)
        else:
            await self._keep(place, timedelta(), is_left=True)

    async def _keep(self, place: Place, span: timedelta, *, is_left: bool = False) -> bool:
        due_at = self._clock.now() + span
        return await self._cursors.keep(
            place, sequence=place.sequence, attempts=place.attempts, due_at=due_at, is_left=is_left
        )

    async def _tell(self, handler: BoundHandler, event: Happened) -> None:
        what = f"its handler {handler.name}"
        try:
            with handler.watch.doing(what, slow_seconds=SLOW_SECONDS, fine=(StoreUnavailable, CommitInDoubt)):
                async with asyncio.timeout(self._seconds_max):
                    await handler.handle(event)
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

"""A ledger that is followed, and places in its log from which someone goes on."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from application.ledger.followers import (
    WAITING_BYTES_MAX,
    WAITING_EVENTS_MAX,
    Follower,
    Followers,
    RelayedEvent,
    Wanted,
)
from application.ledger.readers import StoredEvent
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, ErrorKind

# Of each ledger that is followed: who was away for a moment is served from these.
RECENT_EVENTS_MAX: Final = 10_000
RECENT_BYTES_MAX: Final = 16 * 1024 * 1024
# Who lacks more of them than that is given those first; only then does it wait for new ones.
CATCH_UP_EVENTS: Final = 500
# Given at once.
DELIVERY_EVENTS_MAX: Final = 500
DELIVERY_BYTES_MAX: Final = 1024 * 1024
RETRY_SECONDS: Final = 1.0

_log = logging.getLogger("partita.relay")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events in order, and the sequence up to which there are no others of the kind that was asked for."""

    events: Sequence[RelayedEvent]
    through: int


class FellBehind(DomainError):
    """Events came faster than they were taken, and too many are waiting. Go on after the last one that you have."""

    code = "fell-behind"
    kind = ErrorKind.UNAVAILABLE
    title = "Too far behind"


class ReadLog(Protocol):
    """How a ledger's log is read."""

    async def __call__(self, after: int) -> Sequence[StoredEvent]:
        """Return a page of the events after a sequence, in order. Raises `StoreUnavailable`."""
        ...


class Stream:
    """A ledger that is followed: its latest events without a gap, and who waits for more."""

    def __init__(self, read: ReadLog, last: int) -> None:
        self.read = read
        self.last = last
        self._heard = last
        self.recent: deque[RelayedEvent] = deque()
        self._recent_bytes = 0
        self.followers = Followers()
        self.follows = 0
        self._reading: asyncio.Task[None] | None = None

    @property
    def first(self) -> int:
        """Return the sequence of the first of its latest events, or of the next one where it has none."""
        return self.recent[0].sequence if self.recent else self.last + 1

    def take(self, events: Iterable[StoredEvent]) -> None:
        """Take events that may be the next ones, and tell all whom they concern."""
        for stored in events:
            if stored.sequence != self.last + 1:
                continue
            event = RelayedEvent.of(stored)
            self.last = stored.sequence
            self.recent.append(event)
            self._recent_bytes += len(event.line)
            self.followers.tell(event)
        while len(self.recent) > RECENT_EVENTS_MAX or (self._recent_bytes > RECENT_BYTES_MAX and len(self.recent) > 1):
            self._recent_bytes -= len(self.recent.popleft().line)

    def hear(self, sequence: int) -> None:
        """Read on, if there is more than is known."""
        self._heard = max(self._heard, sequence)
        if self._heard > self.last and self._reading is None:
            self._reading = asyncio.create_task(self._read_on(), name="relay")
            self._reading.add_done_callback(self._have_read)

    def end(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    def _have_read(self, reading: "asyncio.Task[None]") -> None:
        self._reading = None
        if not reading.cancelled() and reading.exception() is not None:
            _log.error("a ledger's log cannot be followed", exc_info=reading.exception())

    async def _read_on(self) -> None:
        while (heard := self._heard) > self.last:
            try:
                page = await self.read(self.last)
            except StoreUnavailable as error:
                _log.warning("those who follow a ledger wait for the store: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.take(page)
            if not page and self._heard == heard:
                # What was heard is not so, or not yet: who knows better will tell.
                self._heard = self.last


class Following:
    """Someone's place in a ledger's log: all events after it are given once and in order, if they are wanted.

    What lies further back than what is remembered is read; from there on nothing is, and `call` is called, possibly
    in vain, whenever there may be something to take.
    """

    def __init__(self, stream: Stream, wanted: Wanted, after: int, call: Callable[[], None]) -> None:
        self._stream = stream
        self._follower = Follower(wanted, call)
        self._is_live = False
        self.at = after
        stream.follows += 1

    async def take(self, most: int = DELIVERY_EVENTS_MAX) -> Delivery | None:
        """Return what comes next, so many events at most, or None where that is nothing that would be known yet.

        A delivery without events tells how far the log was looked at. Raises `StoreUnavailable`, and `FellBehind` once
        all was taken that had waited before something had to be left out.
        """
        if not self._is_live:
            if page := await self._page():
                wanted = filter(self._follower.wanted.wants, page)
                events = list(islice(wanted, most))
                self.at = page[-1].sequence if next(wanted, None) is None else events[-1].sequence
                return Delivery(events, self.at)
            # From here on to the next pause, nothing can come in between.
            self._go_live()
        return self._taken(most)

    def skip(self, sequence: int) -> None:
        """Take it that all up to this sequence is known."""
        self.at = max(self.at, sequence)

    def leave(self) -> None:
        """Be given nothing more."""
        if self._is_live:
            self._stream.followers.remove(self._follower)
        self._stream.follows -= 1

    async def _page(self) -> Sequence[RelayedEvent]:
        """Return what comes next for who lacks many events, whether they are wanted or not."""
        stream = self._stream
        if self.at + 1 < stream.first:
            return [RelayedEvent.of(stored) for stored in await stream.read(self.at)]
        if stream.last - self.at > CATCH_UP_EVENTS:
            start = self.at + 1 - stream.first
            return list(islice(stream.recent, start, start + CATCH_UP_EVENTS))
        return ()

    def _go_live(self) -> None:
        stream, follower = self._stream, self._follower
        self._is_live = True
        stream.followers.add(follower)
        for event in islice(stream.recent, max(0, self.at + 1 - stream.first), None):
            if follower.wanted.wants(event):
                follower.waiting.append(event)
                follower.waiting_bytes += len(event.line)

    def _taken(self, most: int) -> Delivery | None:
        follower, before = self._follower, self.at
        events: list[RelayedEvent] = []
        taken_bytes = 0
        while follower.waiting and len(events) < most and taken_bytes < DELIVERY_BYTES_MAX:
            event = follower.take()
            # Who read the log itself may have been ahead of the stream, which comes to the same events later.
            if event.sequence > before:
                events.append(event)
                taken_bytes += len(event.line)
        if follower.waiting:
            self.at = events[-1].sequence if events else before
        elif follower.is_behind:
            if not events:
                raise FellBehind(
                    f"{WAITING_EVENTS_MAX:,} events, or {WAITING_BYTES_MAX // 1024**2} MiB of them, were waiting."
                )
            self.at = events[-1].sequence
        else:
            self.at = max(before, self._stream.last)
        return Delivery(events, self.at) if events or self.at > before else None

"""A ledger that is followed, and places in its log from which someone goes on."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Final, Protocol

from application.ledger.followers import (
    WAITING_BYTES_MAX,
    WAITING_EVENTS_MAX,
    Filter,
    Follower,
    Followers,
    RelayedEvent,
)
from application.ledger.readers import StoredEvent
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, ErrorKind

# Of each ledger that is followed: who was away for a moment is served from these.
RECENT_EVENTS_MAX: Final = 10_000
RECENT_BYTES_MAX: Final = 16 * 1024 * 1024
# Of all of them together: beyond that, a ledger forgets its own when it has news.
RECENT_BYTES_OF_ALL: Final = 256 * 1024 * 1024
# Who lacks more of them than that is given those first; only then does it wait for new ones.
CATCH_UP_EVENTS: Final = 500
# Given at once.
STRETCH_EVENTS_MAX: Final = 500
STRETCH_BYTES_MAX: Final = 1024 * 1024
RETRY_SECONDS: Final = 1.0

_log = logging.getLogger("partita.relay")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the log: events in order, and up to which sequence there are no others of those asked for."""

    events: Sequence[RelayedEvent]
    through: int


class FellBehind(DomainError):
    """Events came faster than they were taken, and too many are waiting. Go on after the last one that you have."""

    code = "fell-behind"
    kind = ErrorKind.UNAVAILABLE
    title = "Too far behind"


class FollowedLog(Protocol):
    """How a ledger that is followed is read."""

    async def page(self, after: int) -> Sequence[StoredEvent]:
        """Return a page of the events after a sequence, in order. Raises `StoreUnavailable`."""
        ...

    async def accounts_of(self, holds: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Return the accounts of those of the holds that there are. Raises `StoreUnavailable`."""
        ...


class Remembered:
    """How many bytes of events are remembered, of all ledgers that are followed here."""

    def __init__(self) -> None:
        self.bytes = 0


class Stream:
    """A ledger that is followed: its latest events without a gap, and who waits for more."""

    def __init__(self, log: FollowedLog, last: int, remembered: Remembered) -> None:
        self.log = log
        self.last = last
        self._remembered = remembered
        self._heard = last
        self._heard_at = 0.0
        self.recent: deque[RelayedEvent] = deque()
        self._recent_bytes = 0
        self.followers = Followers()
        self.follows = 0
        self._reading: asyncio.Task[None] | None = None

    @property
    def first(self) -> int:
        """Return the sequence of the first of its latest events, or of the next one where it has none."""
        return self.recent[0].sequence if self.recent else self.last + 1

    def take(self, events: Iterable[RelayedEvent]) -> None:
        """Take events that may be the next ones, and tell all whom they concern."""
        for event in events:
            if event.sequence == self.last + 1:
                self.last = event.sequence
                self.recent.append(event)
                self._remember(len(event.line))
                self.followers.tell(event)
        while len(self.recent) > RECENT_EVENTS_MAX or (self._is_too_long() and len(self.recent) > 1):
            self._remember(-len(self.recent.popleft().line))

    def _is_too_long(self) -> bool:
        return self._recent_bytes > RECENT_BYTES_MAX or self._remembered.bytes > RECENT_BYTES_OF_ALL

    def _remember(self, size: int) -> None:
        self._recent_bytes += size
        self._remembered.bytes += size

    def hear(self, sequence: int) -> None:
        """Read on, if there is more than is known."""
        self._heard = max(self._heard, sequence)
        if self._heard > self.last and self._reading is None:
            self._heard_at = monotonic()
            self._reading = asyncio.create_task(self._read_on(), name="relay")
            self._reading.add_done_callback(self._have_read)

    def waits(self, now: float) -> float:
        """Return for how many seconds, by a clock that never jumps, it has lacked events that it has heard of."""
        return max(0.0, now - self._heard_at) if self._heard > self.last else 0.0

    def end(self) -> None:
        """Read no more, and remember nothing."""
        if self._reading is not None:
            self._reading.cancel()
        self.recent.clear()
        self._remember(-self._recent_bytes)

    def _have_read(self, reading: "asyncio.Task[None]") -> None:
        self._reading = None
        if reading.cancelled():
            return
        if reading.exception() is not None:
            _log.error("a ledger's log cannot be followed", exc_info=reading.exception())
        else:
            # Something may have been heard of since it looked for the last time.
            self.hear(self._heard)

    async def _read_on(self) -> None:
        while (heard := self._heard) > self.last:
            try:
                page = await self._next()
            except StoreUnavailable as error:
                _log.warning("those who follow a ledger wait for the store: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.take(page)
            self._heard_at = monotonic()
            if not page and self._heard == heard:
                # What was heard is not so, or not yet: who knows better will tell.
                self._heard = self.last

    async def _next(self) -> Sequence[RelayedEvent]:
        """Read the next events; where anyone watches balances, with the accounts of holds that they are about."""
        page = [RelayedEvent.of(stored) for stored in await self.log.page(self.last)]
        unknown = {event.hold for event in page if event.hold is not None and event.touched is None}
        if not unknown or not self.followers.of_balances:
            return page
        found = await self.log.accounts_of(unknown)
        return [
            event.touching(found[event.hold]) if event.hold is not None and event.hold in found else event
            for event in page
        ]


class Following:
    """Someone's place in a ledger's log: all events after it are given once and in order, if they are wanted.

    What lies further back than what is remembered is read; from there on nothing is, and `call` is called, possibly
    in vain, whenever there may be something to take.
    """

    def __init__(self, stream: Stream, wanted: Filter, after: int, call: Callable[[], None]) -> None:
        self._stream = stream
        self._follower = Follower(wanted, call)
        self._is_live = self._has_left = False
        self.at = after
        stream.follows += 1

    async def take(self, most: int = STRETCH_EVENTS_MAX) -> Stretch | None:
        """Return what comes next, so many events at most, or None where that is nothing that would be known yet.

        A stretch without events tells how far the log was looked at. Raises `StoreUnavailable`, and `FellBehind` once
        all was taken that had waited before something had to be left out.
        """
        if not self._is_live:
            page = await self._page()
            if self._has_left:
                return None
            if page:
                return self._chosen(page, most)
            # From here on to the next pause, nothing can come in between.
            self._go_live()
        return self._taken(most)

    def skip(self, sequence: int) -> None:
        """Take it that all up to this sequence is known."""
        self.at = max(self.at, sequence)

    def _chosen(self, page: Sequence[RelayedEvent], most: int) -> Stretch:
        """Return what is wanted of the next events: so many at most, and not too long together."""
        events: list[RelayedEvent] = []
        size = 0
        for event in filter(self._follower.wanted.wants, page):
            if len(events) >= most or size >= STRETCH_BYTES_MAX:
                self.at = events[-1].sequence
                break
            events.append(event)
            size += len(event.line)
        else:
            self.at = page[-1].sequence
        return Stretch(events, self.at)

    def leave(self) -> None:
        """Be given nothing more."""
        self._has_left = True
        if self._is_live:
            self._stream.followers.remove(self._follower)
        self._stream.follows -= 1

    async def _page(self) -> Sequence[RelayedEvent]:
        """Return what comes next for who lacks many events, whether they are wanted or not."""
        stream = self._stream
        if self.at + 1 < stream.first:
            return [RelayedEvent.of(stored) for stored in await stream.log.page(self.at)]
        if stream.last - self.at > CATCH_UP_EVENTS:
            start = self.at + 1 - stream.first
            return list(islice(stream.recent, start, start + CATCH_UP_EVENTS))
        return ()

    def _go_live(self) -> None:
        stream, follower = self._stream, self._follower
        stream.followers.add(follower)
        self._is_live = True
        for event in islice(stream.recent, max(0, self.at + 1 - stream.first), None):
            if follower.wanted.wants(event):
                follower.waiting.append(event)
                follower.waiting_bytes += len(event.line)

    def _taken(self, most: int) -> Stretch | None:
        follower, before = self._follower, self.at
        events: list[RelayedEvent] = []
        taken_bytes = 0
        while follower.waiting and len(events) < most and taken_bytes < STRETCH_BYTES_MAX:
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
        return Stretch(events, self.at) if events or self.at > before else None

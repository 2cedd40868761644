"""The relay: new events of ledgers, to everyone in this process who follows them.

The log is what is followed: each follower gets its events in order, none left out and none twice, whatever becomes of
servers and connections. That there is something new is heard from the journal of this process, from other processes,
and by looking; all of that may come late, twice or never, as it only says where to look.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from application.ledger.followers import EVERY_EVENT, WAITING_EVENTS_MAX, EventFilter, Follower, Followers, RelayedEvent
from application.ledger.ports import Applied, LedgerAddress
from application.ledger.readers import LedgerReads, StoredEvent
from application.shared.ports import StoreUnavailable, Work
from domain.shared.access import Grant, Permission, Principal
from domain.shared.errors import DomainError, ErrorKind

# Of each ledger that is followed: who was away for a moment is served from these.
RECENT_EVENTS_MAX: Final = 10_000
RECENT_BYTES_MAX: Final = 16 * 1024 * 1024
PAGE_EVENTS: Final = 500
RETRY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 1.0
# How long a follower hears nothing, at most: then it is told how far that goes.
HEARTBEAT_SECONDS: Final = 15.0
# Who follows is asked for again so often, and before anything is given that comes later than this after the last time:
# what stands behind a credential may have been remembered for some seconds by then.
CHECK_SECONDS: Final = 5.0
CERTAIN_SECONDS: Final = 0.5
LOOK_SELDOM_SECONDS: Final = 10.0

Who = Callable[[], Awaitable[Principal]]
"""Who it is that follows, as things are now."""

_log = logging.getLogger("partita.relay")
_RELAY: Final = (Grant(frozenset({Permission.EVENTS_READ})),)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events in order, and the sequence up to which there are no others of the kind that was asked for."""

    events: Sequence[RelayedEvent]
    through: int


class WakeUps(Protocol):
    """How processes tell each other that a ledger has new events. What is lost on the way is found by looking."""

    @property
    def are_heard(self) -> bool:
        """Return whether those of other processes come in, as far as is known."""
        ...

    def listen(self, hear: Callable[[LedgerAddress, int], None]) -> None:
        """Have `hear` called, besides those who were named before, for what others tell."""
        ...

    def announce(self, ledger: LedgerAddress, sequence: int) -> None:
        """Tell all others, soon, that the ledger has events up to this sequence. Never raises."""
        ...


class _Stream:
    """A ledger that is followed: its latest events without a gap, and who waits for more."""

    def __init__(self, read: "_ReadLog", last: int) -> None:
        self._read = read
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
        return self.recent[0].stored.sequence if self.recent else self.last + 1

    def take(self, events: Iterable[StoredEvent]) -> None:
        """Take events that may be the next ones, and tell all whom they concern."""
        for stored in events:
            if stored.sequence != self.last + 1:
                continue
            event = RelayedEvent.of(stored)
            self.last = stored.sequence
            self.recent.append(event)
            self._recent_bytes += len(stored.content)
            self.followers.tell(event)
        while len(self.recent) > RECENT_EVENTS_MAX or (self._recent_bytes > RECENT_BYTES_MAX and len(self.recent) > 1):
            self._recent_bytes -= len(self.recent.popleft().stored.content)

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
        while self._heard > self.last:
            try:
                self.take(await self._read(self.last))
            except StoreUnavailable as error:
                _log.warning("those who follow a ledger wait for the store: %s", error)
                await asyncio.sleep(RETRY_SECONDS)


class FellBehind(DomainError):
    """Events came faster than they were taken, and too many are waiting. Go on after the last one that you have."""

    code = "fell-behind"
    kind = ErrorKind.UNAVAILABLE
    title = "Too far behind"


class _ReadLog(Protocol):
    async def __call__(self, after: int) -> Sequence[StoredEvent]: ...


class Relay:
    """Gives new events to all who follow a ledger; its log is read once for all of them, while there are any."""

    def __init__(self, work: Work[LedgerReads, object], wake_ups: WakeUps) -> None:
        self._work = work
        self._wake_ups = wake_ups
        self._streams: dict[LedgerAddress, _Stream] = {}
        self._looking: asyncio.Task[None] | None = None
        self._is_ending = False
        wake_ups.listen(self.hear)

    def start(self) -> None:
        """Begin to look for what nobody told of, on the running loop."""
        assert self._looking is None, "it looks already"
        self._looking = asyncio.create_task(self._look_on(), name="relay")

    async def stop(self) -> None:
        """End it."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
            self._looking = None
        for stream in self._streams.values():
            stream.end()

    def end(self) -> None:
        """Let all who follow go, so that the server can stop."""
        self._is_ending = True
        for stream in self._streams.values():
            stream.followers.call_all()

    def committed(self, ledger: LedgerAddress, applied: Sequence[Applied]) -> None:
        """Take the events of a group that this process has committed, and tell the other processes of them."""
        recorded = [each.recorded for each in applied if each.recorded is not None]
        if not recorded:
            return
        self._wake_ups.announce(ledger, recorded[-1].sequence)
        stream = self._streams.get(ledger)
        if stream is not None:
            stream.take(
                StoredEvent(each.sequence, each.content, each.previous_hash, each.hash, each.recorded_at)
                for each in recorded
            )
            stream.hear(recorded[-1].sequence)

    def hear(self, ledger: LedgerAddress, sequence: int) -> None:
        """Hear from another process that the ledger has events up to this sequence."""
        stream = self._streams.get(ledger)
        if stream is not None:
            stream.hear(sequence)

    async def follow(
        self, who: Who, slug: str, *, after: int | None = None, wanted: EventFilter = EVERY_EVENT
    ) -> AsyncGenerator[Delivery]:
        """Yield the events after a sequence, or those from now on: first what there is, then what comes.

        It goes on until the caller or the server ends it. Who follows is asked for again every five seconds, so that
        one whose credential was revoked hears no more. A delivery without events, every 15 seconds at least, says how
        far the log was looked at. Raises what `who` does, `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`, and
        `FellBehind` when 5,000 events wait.
        """
        principal = await who()
        async with self._work.read(principal, Permission.EVENTS_READ, ledger=slug) as reads:
            head = (await reads.ledgers.head(slug)).sequence
        ledger = LedgerAddress(principal.organisation_id, slug)
        read = self._log_of(ledger)
        stream = self._streams.setdefault(ledger, _Stream(read, head))
        stream.hear(head)
        stream.follows += 1
        follower, is_first = Follower(wanted), True
        loop = asyncio.get_running_loop()
        at = head if after is None else after
        try:
            while at + 1 < stream.first and (page := await read(at)):
                at = page[-1].sequence
                yield Delivery([event for event in map(RelayedEvent.of, page) if wanted.wants(event)], at)
            # From here to the first pause, nothing can come in between.
            stream.followers.add(follower)
            follower.waiting.extend(filter(wanted.wants, stream.recent))
            told_at = checked_at = loop.time()
            while not self._is_ending:
                # Who reads the log itself may be ahead of the stream, which comes to the same events later.
                events = [event for event in follower.waiting if event.stored.sequence > at]
                follower.waiting.clear()
                is_cut_off = follower.is_behind
                at = max(at, events[-1].stored.sequence if is_cut_off and events else stream.last)
                if loop.time() >= checked_at + (CERTAIN_SECONDS if events else CHECK_SECONDS):
                    checked_at = loop.time()
                    (await who()).require(Permission.EVENTS_READ, ledger=slug)
                if events or is_first or loop.time() >= told_at + HEARTBEAT_SECONDS:
                    told_at, is_first = loop.time(), False
                    yield Delivery(events, at)
                if is_cut_off:
                    raise FellBehind(f"{WAITING_EVENTS_MAX:,} events were waiting to be taken.")
                await follower.called(min(CHECK_SECONDS, HEARTBEAT_SECONDS))
        finally:
            stream.followers.remove(follower)
            stream.follows -= 1
            if not stream.follows:
                stream.end()
                del self._streams[ledger]

    def _log_of(self, ledger: LedgerAddress) -> "_ReadLog":
        relay = Principal(ledger.organisation_id, "system:relay", _RELAY)

        async def read(after: int) -> Sequence[StoredEvent]:
            async with self._work.read(relay, Permission.EVENTS_READ, ledger=ledger.slug) as reads:
                return await reads.events.events(ledger.slug, after=after, limit=PAGE_EVENTS)

        return read

    async def _look_on(self) -> None:
        """Look for what nobody told of: soon where wake-ups are not heard, and now and then where they are."""
        looked_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._wake_ups.are_heard and loop.time() < looked_at + LOOK_SELDOM_SECONDS:
                continue
            looked_at = loop.time()
            for ledger in list(self._streams):
                await self._look(ledger)

    async def _look(self, ledger: LedgerAddress) -> None:
        relay = Principal(ledger.organisation_id, "system:relay", _RELAY)
        try:
            async with self._work.read(relay, Permission.EVENTS_READ, ledger=ledger.slug) as reads:
                self.hear(ledger, (await reads.ledgers.head(ledger.slug)).sequence)
        except StoreUnavailable as error:
            _log.warning("whether a followed ledger has new events cannot be seen: %s", error)
        except Exception:
            _log.exception("whether a followed ledger has new events cannot be seen")

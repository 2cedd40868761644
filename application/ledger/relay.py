"""The relay: new events of ledgers, to everyone in this process who follows them.

The log is what is followed: each follower gets its events in order, none left out and none twice, whatever becomes of
servers and connections. That there is something new is heard from the journal of this process, from other processes,
and by looking; all of that may come late, twice or never, as it only says where to look.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final, Protocol

from application.ledger.followers import EVERY_EVENT, EventFilter, Filter, RelayedEvent
from application.ledger.following import Following, Remembered, Stream, Stretch
from application.ledger.ports import Applied, LedgerAddress
from application.ledger.readers import LedgerReads, StoredEvent
from application.shared.ongoing import Ongoing
from application.shared.ports import StoreUnavailable, Work
from domain.ledger.effect import Effect
from domain.ledger.events import Event
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import Recorded

PAGE_EVENTS: Final = 500
LOOK_SECONDS: Final = 1.0
LOOK_SELDOM_SECONDS: Final = 10.0
# How long a follower hears nothing, at most: then it is told how far that goes.
HEARTBEAT_SECONDS: Final = 15.0
# Who follows is asked for again so often, and before anything is given that comes later than this after the last time:
# what stands behind a credential may have been remembered for some seconds by then.
CHECK_SECONDS: Final = 5.0
CERTAIN_SECONDS: Final = 0.5

Who = Callable[[], Awaitable[Principal]]
"""Who it is that follows, as things are now."""

_log = logging.getLogger("partita.relay")
_RELAY: Final = (Grant(frozenset({Permission.EVENTS_READ, Permission.HOLDS_READ})),)


class WakeUps(Protocol):
    """How processes tell each other that a ledger has new events. What is lost on the way is found by looking."""

    @property
    def heard_since(self) -> float | None:
        """Return since when those of other processes come in, by `monotonic`; None where they do not.

        What was told before, while a connection was lost perhaps, may never have been heard.
        """
        ...

    def listen(self, hear: Callable[[LedgerAddress, int], None]) -> None:
        """Have `hear` called, besides those who were named before, for what others tell."""
        ...

    def announce(self, ledger: LedgerAddress, sequence: int) -> None:
        """Tell all others, soon, that the ledger has events up to this sequence. Never raises."""
        ...


def is_to_look(wake_ups: WakeUps, looked_at: float) -> bool:
    """Whether there may be what nobody told of since someone looked for it at that time, by `monotonic`.

    That is so while wake-ups are not heard, once after they were not, and now and then, in case that one was lost.
    """
    since = wake_ups.heard_since
    return since is None or looked_at <= max(since, monotonic() - LOOK_SELDOM_SECONDS)


class Relay(Ongoing):
    """Gives new events to all who follow a ledger; its log is read once for all of them, while there are any."""

    def __init__(self, work: Work[LedgerReads, object], wake_ups: WakeUps) -> None:
        self._work = work
        self._wake_ups = wake_ups
        self._streams: dict[LedgerAddress, Stream] = {}
        self._remembered = Remembered()
        self.is_ending = False
        self._at_end: list[Callable[[], None]] = []
        wake_ups.listen(self.hear)

    @property
    def followed(self) -> tuple[int, float]:
        """Return from how many places someone follows, and for how many seconds known events have lacked there."""
        now = monotonic()
        streams = self._streams.values()
        return sum(stream.follows for stream in streams), max((stream.waits(now) for stream in streams), default=0.0)

    @property
    def are_wake_ups_heard(self) -> bool:
        """Return whether other processes are heard; if not, their events are found by looking, a second late."""
        return self._wake_ups.heard_since is not None

    async def stop(self) -> None:
        """Look for nothing more that nobody told of, and read no log any more."""
        await super().stop()
        for stream in self._streams.values():
            stream.end()

    def at_end(self, call: Callable[[], None]) -> None:
        """Have `call` called once the server is to stop."""
        self._at_end.append(call)

    def end(self) -> None:
        """Let all who follow go, so that the server can stop."""
        self.is_ending = True
        for call in self._at_end:
            call()
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
            stream.take([_event(each.recorded, each.effect) for each in applied if each.recorded is not None])
            stream.hear(recorded[-1].sequence)

    def hear(self, ledger: LedgerAddress, sequence: int) -> None:
        """Hear from another process that the ledger has events up to this sequence."""
        stream = self._streams.get(ledger)
        if stream is not None:
            stream.hear(sequence)

    async def head(self, principal: Principal, slug: str) -> int:
        """Return the sequence of a ledger's last event, if the principal may follow it.

        Of a ledger that others follow, it is the last that is known here, without asking: thousands come back at once
        where a server has stopped. Raises `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`.
        """
        stream = self._streams.get(LedgerAddress(principal.organisation_id, slug))
        if stream is not None:
            principal.require(Permission.EVENTS_READ, ledger=slug)
            return stream.last
        async with self._work.read(principal, Permission.EVENTS_READ, ledger=slug) as reads:
            return (await reads.ledgers.head(slug)).sequence

    @contextmanager
    def joined(
        self, ledger: LedgerAddress, head: int, *, after: int, wanted: Filter, call: Callable[[], None]
    ) -> Iterator[Following]:
        """Give a place in the log of a ledger, whose head was seen at that sequence; `call` says when to take from it.

        Whether anyone may take from it, is to be asked before.
        """
        stream = self._streams.get(ledger)
        if stream is None:
            stream = self._streams[ledger] = Stream(_Log(self._work, ledger), head, self._remembered)
            # Nobody was told of what has come since its head was seen: the log is looked at once.
            head += 1
        stream.hear(head)
        following = Following(stream, wanted, after, call)
        try:
            yield following
        finally:
            following.leave()
            if not stream.follows:
                stream.end()
                del self._streams[ledger]

    async def follow(
        self, who: Who, slug: str, *, after: int | None = None, wanted: EventFilter = EVERY_EVENT
    ) -> AsyncGenerator[Stretch]:
        """Yield the events after a sequence, or those from now on: first what there is, then what comes.

        It goes on until the caller or the server ends it. Who follows is asked for again every five seconds, so that
        one whose credential was revoked hears no more. A stretch without events, at once where there are none and
        every 15 seconds at least, says how far the log was looked at. Raises what `who`, `head` and `take` do.
        """
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        principal = await who()
        head = await self.head(principal, slug)
        ledger, start = LedgerAddress(principal.organisation_id, slug), head if after is None else after
        with self.joined(ledger, head, after=start, wanted=wanted, call=called.set) as following:
            told_at, checked_at, is_first = loop.time(), loop.time(), True
            while not self.is_ending:
                called.clear()
                stretch = await following.take()
                has_events = stretch is not None and bool(stretch.events)
                if loop.time() >= checked_at + (CERTAIN_SECONDS if has_events else CHECK_SECONDS):
                    checked_at = loop.time()
                    (await who()).require(Permission.EVENTS_READ, ledger=slug)
                if has_events or is_first or loop.time() >= told_at + HEARTBEAT_SECONDS:
                    told_at, is_first = loop.time(), False
                    yield stretch or Stretch((), following.at)
                if stretch is None:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(min(CHECK_SECONDS, HEARTBEAT_SECONDS)):
                            await called.wait()

    async def _go_on(self) -> None:
        """Look for what nobody told of: soon where wake-ups are not heard, and now and then where they are."""
        looked_at = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not is_to_look(self._wake_ups, looked_at):
                continue
            looked_at = monotonic()
            for ledger in list(self._streams):
                await self._look(ledger)

    async def _look(self, ledger: LedgerAddress) -> None:
        try:
            async with self._work.read(_relay_of(ledger), Permission.EVENTS_READ, ledger=ledger.slug) as reads:
                self.hear(ledger, (await reads.ledgers.head(ledger.slug)).sequence)
        except StoreUnavailable as error:
            _log.warning("whether a followed ledger has new events cannot be seen: %s", error)
        except Exception:
            _log.exception("whether a followed ledger has new events cannot be seen")


class _Log:
    """The log of a ledger, which is read for all who follow it."""

    def __init__(self, work: Work[LedgerReads, object], ledger: LedgerAddress) -> None:
        self._work = work
        self._ledger = ledger

    async def page(self, after: int) -> Sequence[StoredEvent]:
        slug = self._ledger.slug
        async with self._work.read(_relay_of(self._ledger), Permission.EVENTS_READ, ledger=slug) as reads:
            return await reads.events.events(slug, after=after, limit=PAGE_EVENTS)

    async def accounts_of(self, holds: Iterable[str]) -> Mapping[str, frozenset[str]]:
        slug = self._ledger.slug
        async with self._work.read(_relay_of(self._ledger), Permission.HOLDS_READ, ledger=slug) as reads:
            found = await reads.holds.named(slug, sorted(holds))
        return {id: frozenset(entry.account for entry in view.hold.entries) for id, view in found.items()}


def _relay_of(ledger: LedgerAddress) -> Principal:
    return Principal(ledger.organisation_id, "system:relay", _RELAY)


def _event(recorded: Recorded[Event], effect: Effect) -> RelayedEvent:
    """Return an event as its followers get it, which names what it has changed."""
    stored = StoredEvent(
        recorded.sequence, recorded.content, recorded.previous_hash, recorded.hash, recorded.recorded_at
    )
    event = RelayedEvent.of(stored)
    return event if event.touched is not None else event.touching(frozenset(each.account.path for each in effect.held))

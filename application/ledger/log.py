"""Reading a ledger's log, however long it is, without holding anything open for long."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from application.ledger.readers import LedgerReads, StoredEvent
from application.shared.ports import Work
from domain.shared.access import Permission, Principal
from domain.shared.chain import Head

CHUNK_EVENTS_MAX: Final = 1_000

Progress = Callable[[int, int], None]
"""Told how much is done, and how much there is in all."""

Asking = Callable[[], Awaitable[Principal]]
"""Who asks, as things are now: what goes on for long is only for those who may still read."""


def always(principal: Principal) -> Asking:
    """Return that it is this principal who asks, for however long."""

    async def asking() -> Principal:
        return principal

    return asking


async def read_head(work: Work[LedgerReads, object], principal: Principal, slug: str) -> Head:
    """Return the last event of a ledger's log. Raises `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`."""
    async with work.read(principal, Permission.EVENTS_READ, ledger=slug) as reads:
        return await reads.ledgers.head(slug)


async def read_log(
    work: Work[LedgerReads, object], asking: Asking, slug: str, *, until: int
) -> AsyncIterator[Sequence[StoredEvent]]:
    """Yield the events up to the sequence `until`, chunk by chunk, for who is `asking` by then.

    Each chunk is read in a short view of its own. A log that lacks events is given as it is, and ends early where its
    end is missing. Raises what `asking` does, `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`.
    """
    async for chunk in _read(
        work, asking, slug, lambda reads, after, limit: reads.events.events(slug, after=after, limit=limit), until
    ):
        yield chunk


async def ledger_slugs(work: Work[LedgerReads, object], principal: Principal) -> Sequence[str]:
    """Return which ledgers the organisation has, by slug. Raises `PermissionDenied`, `StoreUnavailable`."""
    async with work.read(principal, Permission.EVENTS_READ) as reads:
        return await reads.events.ledgers()


async def read_organisation_head(work: Work[LedgerReads, object], principal: Principal) -> Head:
    """Return the last event of the organisation's own log. Raises `PermissionDenied`, `StoreUnavailable`."""
    async with work.read(principal, Permission.EVENTS_READ) as reads:
        return await reads.events.organisation_head()


async def read_organisation_log(
    work: Work[LedgerReads, object], principal: Principal, *, until: int
) -> AsyncIterator[Sequence[StoredEvent]]:
    """Yield the events of the organisation's own log, as `read_log` does.

    Raises `PermissionDenied`, `StoreUnavailable`.
    """
    async for chunk in _read(
        work,
        always(principal),
        None,
        lambda reads, after, limit: reads.events.organisation_events(after=after, limit=limit),
        until,
    ):
        yield chunk


async def _read(
    work: Work[LedgerReads, object],
    asking: Asking,
    ledger: str | None,
    events_of: Callable[[LedgerReads, int, int], Awaitable[Sequence[StoredEvent]]],
    until: int,
) -> AsyncIterator[Sequence[StoredEvent]]:
    after = 0
    while after < until:
        async with work.read(await asking(), Permission.EVENTS_READ, ledger=ledger) as reads:
            events = await events_of(reads, after, min(CHUNK_EVENTS_MAX, until - after))
        # More events than `until - after` fit no gapless log: what lies beyond is not of this reading.
        chunk = [event for event in events if event.sequence <= until]
        if not chunk:
            return
        yield chunk
        after = chunk[-1].sequence

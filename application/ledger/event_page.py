"""Pages of a log, with only the events that are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from application.ledger.followers import EVERY_EVENT, EventFilter, RelayedEvent
from application.ledger.readers import LedgerReads, StoredEvent
from application.shared.pagination import ROWS_READ_MAX

_CHUNK_EVENTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order; there are no others of their kind up to the sequence `through`, and beyond it, if `has_more`."""

    events: Sequence[StoredEvent]
    through: int
    has_more: bool


async def event_page(reads: LedgerReads, slug: str, *, after: int, limit: int, wanted: EventFilter) -> EventPage:
    """Return up to `limit` of the events after a sequence that are wanted; it looks at 10,000 events at most.

    Raises `LedgerNotFound`.
    """
    last = (await reads.ledgers.head(slug)).sequence
    found: list[StoredEvent] = []
    at, looked_at = after, 0
    while at < last and looked_at < ROWS_READ_MAX and len(found) < limit:
        chunk_max = limit - len(found) if wanted == EVERY_EVENT else _CHUNK_EVENTS
        chunk = await reads.events.events(slug, after=at, limit=min(chunk_max, ROWS_READ_MAX - looked_at))
        if not chunk:
            break
        for event in chunk:
            looked_at, at = looked_at + 1, event.sequence
            if wanted == EVERY_EVENT or wanted.wants(RelayedEvent.of(event)):
                found.append(event)
                if len(found) == limit:
                    break
    return EventPage(found, at, at < last)

"""The log of a ledger, and that of the organisation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.lookups import head_of, ledger_id_of, sequences_within
from adapters.postgres.tables import event_log, ledgers
from application.ledger.readers import StoredEvent
from application.ledger.spans import Span
from domain.shared.chain import ZERO_HASH, Head

BYTES_MAX: Final = 4 * 1024 * 1024

# An event may have megabytes: of many events, only so many are read as have about 4 MiB together.
_EVENTS = text("""
SELECT sequence, content, hash, recorded_at
FROM (
    SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence) - octet_length(content) AS bytes_before
    FROM (
        SELECT sequence, content, hash, recorded_at FROM event_log
        WHERE stream_id = :stream AND sequence > :after ORDER BY sequence LIMIT :limit
    ) AS next
) AS sized
WHERE bytes_before < :bytes
ORDER BY sequence
""")


class PostgresEvents:
    """Reads events, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def events(self, slug: str, *, after: int, limit: int) -> Sequence[StoredEvent]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        return await self._of_stream(ledger_id, after, limit)

    async def ledgers(self) -> Sequence[str]:
        query = (
            select(ledgers.c.slug).where(ledgers.c.organisation_id == self._organisation_id).order_by(ledgers.c.slug)
        )
        return list(await self._connection.scalars(query))

    async def last_before(self, slug: str, moment: datetime) -> int:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        _, last = await sequences_within(self._connection, ledger_id, Span(lt=moment), Span())
        return last

    async def organisation_head(self) -> Head:
        return await head_of(self._connection, self._organisation_id)

    async def organisation_events(self, *, after: int, limit: int) -> Sequence[StoredEvent]:
        return await self._of_stream(self._organisation_id, after, limit)

    async def _of_stream(self, stream_id: int, after: int, limit: int) -> Sequence[StoredEvent]:
        previous = await self._connection.scalar(
            select(event_log.c.hash).where(event_log.c.stream_id == stream_id, event_log.c.sequence == after)
        )
        parameters = {"stream": stream_id, "after": after, "limit": limit, "bytes": BYTES_MAX}
        previous_hash: bytes = ZERO_HASH if previous is None else previous
        events = []
        for sequence, content, hash, recorded_at in await self._connection.execute(_EVENTS, parameters):
            events.append(StoredEvent(sequence, content, previous_hash, hash, recorded_at))
            previous_hash = hash
        return events

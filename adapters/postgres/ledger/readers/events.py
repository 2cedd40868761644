"""The log of a ledger."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.lookups import ledger_id_of
from adapters.postgres.tables import event_log
from application.ledger.readers import StoredEvent
from domain.shared.chain import ZERO_HASH


class PostgresEvents:
    """Reads events, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def events(self, slug: str, *, after: int, limit: int) -> Sequence[StoredEvent]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        previous = await self._connection.scalar(
            select(event_log.c.hash).where(event_log.c.stream_id == ledger_id, event_log.c.sequence == after)
        )
        query = (
            select(event_log.c.sequence, event_log.c.content, event_log.c.hash)
            .where(event_log.c.stream_id == ledger_id, event_log.c.sequence > after)
            .order_by(event_log.c.sequence)
            .limit(limit)
        )
        previous_hash: bytes = ZERO_HASH if previous is None else previous
        events = []
        for sequence, content, hash in await self._connection.execute(query):
            events.append(StoredEvent(sequence, content, previous_hash, hash))
            previous_hash = hash
        return events

"""How far extensions have come, ledger by ledger."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.readers.events import PostgresEvents
from adapters.postgres.tables import organisations
from adapters.postgres.work import set_local, tenant_transaction, tenant_view, transaction_of_nobody
from application.extensions.ports import Place
from application.ledger.ports import LedgerAddress
from application.ledger.readers import StoredEvent
from domain.jobs.job import LAST_PAUSE

# No pause and no lease is longer: what is due later than that was written before the database's clock was set back.
_FAR: Final = LAST_PAUSE + timedelta(minutes=1)
_IS_DUE: Final = "(cursors.due_at <= statement_timestamp() OR cursors.due_at > statement_timestamp() + :far)"

# The ledger of which nothing was told for longest.
_LAGGING = text(f"""
SELECT ledgers.id, ledgers.slug
FROM ledgers LEFT JOIN extension_cursors AS cursors
    ON cursors.organisation_id = ledgers.organisation_id AND cursors.handler = :handler
    AND cursors.ledger_id = ledgers.id
WHERE ledgers.organisation_id = :organisation AND (cursors.ledger_id IS NULL OR {_IS_DUE})
AND EXISTS (SELECT FROM event_log WHERE stream_id = ledgers.id AND sequence > coalesce(cursors.sequence, 0))
ORDER BY cursors.due_at NULLS FIRST
LIMIT 1
""")  # noqa: S608 # only constants are joined
_CLAIM = text(f"""
INSERT INTO extension_cursors AS cursors (organisation_id, handler, ledger_id, sequence, attempts, due_at, lease)
VALUES (:organisation, :handler, :ledger, 0, 0, clock_timestamp() + :length, :lease)
ON CONFLICT (organisation_id, handler, ledger_id) DO UPDATE SET due_at = excluded.due_at, lease = excluded.lease
    WHERE {_IS_DUE}
RETURNING sequence, attempts
""")  # noqa: S608 # only constants are joined
_LEAVE = text("""
UPDATE extension_cursors
SET sequence = :sequence, attempts = :attempts, due_at = clock_timestamp() + :pause, lease = NULL
WHERE organisation_id = :organisation AND handler = :handler AND ledger_id = :ledger AND lease = :lease
""")


class PostgresOrganisationNumbers:
    """All organisations, by number."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def numbers(self, *, after: int, limit: int) -> Sequence[int]:
        query = select(organisations.c.id).where(organisations.c.id > after).order_by(organisations.c.id).limit(limit)
        async with transaction_of_nobody(self._engine) as connection:
            await set_local(connection, "app.every_organisation", "on")
            return list(await connection.scalars(query))


class PostgresHandlerCursors:
    """Cursors of handlers: each is moved by whoever has its lease."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, organisation_id: int, handler: str, lease: str, length: timedelta) -> Place | None:
        asked = {"organisation": organisation_id, "handler": handler, "far": _FAR}
        async with tenant_transaction(self._engine, organisation_id) as connection:
            ledger = (await connection.execute(_LAGGING, asked)).one_or_none()
            if ledger is None:
                return None
            taking = {"ledger": ledger.id, "length": length, "lease": stored_id("lease", lease)}
            cursor = (await connection.execute(_CLAIM, asked | taking)).one_or_none()
        if cursor is None:  # someone else was faster
            return None
        address = LedgerAddress(organisation_id, ledger.slug)
        return Place(handler, address, ledger.id, lease, cursor.sequence, cursor.attempts)

    async def events(self, place: Place, *, after: int, limit: int) -> Sequence[StoredEvent]:
        organisation_id = place.ledger.organisation_id
        async with tenant_view(self._engine, organisation_id) as connection:
            return await PostgresEvents(connection, organisation_id).events(place.ledger.slug, after=after, limit=limit)

    async def leave(self, place: Place, pause: timedelta) -> None:
        values = {
            "organisation": place.ledger.organisation_id,
            "handler": place.handler,
            "ledger": place.ledger_id,
            "lease": stored_id("lease", place.lease),
            "sequence": place.sequence,
            "attempts": place.attempts,
            "pause": pause,
        }
        async with tenant_transaction(self._engine, place.ledger.organisation_id) as connection:
            await connection.execute(_LEAVE, values)

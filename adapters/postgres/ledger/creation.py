"""Creating a ledger: its row, the first event of its log or all of it, and what follows from that."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.identity.quotas import require_another_ledger
from adapters.postgres.ledger.projections import append_events, project
from adapters.postgres.ledger.replay import Replay
from adapters.postgres.organisation_log import PostgresOrganisationLog, append_event
from adapters.postgres.tables import ledgers
from application.ledger.ports import Applied
from application.ledger.readers import StoredEvent
from domain.ledger.effect import NO_EFFECT
from domain.ledger.events import Event
from domain.ledger.ledger import LedgerExists
from domain.shared.chain import Author, ChainBroken, Head, Recorded

_NEXT_NUMBER: Final = text("SELECT nextval('stream_numbers')")
_IS_CREATED: Final = "SELECT EXISTS (SELECT FROM ledger_settings WHERE ledger_id = $1)"
_PUT_ON_AGENDA: Final = """
INSERT INTO agenda (due_at, kind, organisation_id, ledger_id)
SELECT DISTINCT expires_at, 'expiry', $1::bigint, $2::bigint FROM holds
WHERE ledger_id = $2 AND status = 'open' AND expires_at IS NOT NULL
ON CONFLICT DO NOTHING
"""


class PostgresLedgerChanges:
    """Changes which ledgers an organisation has, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self.log = PostgresOrganisationLog(connection, organisation_id)

    async def create_ledger(self, slug: str, first: Recorded[Event], author: Author) -> None:
        # Before the slug: an idempotency key holds the log first, and two that wait for each other would be a deadlock.
        await self.log.hold()
        created = await self._add(slug, await self._connection.scalar(_NEXT_NUMBER))
        await append_event(self._connection, self._organisation_id, created, first, author)
        driver = (await self._connection.get_raw_connection()).driver_connection
        applied = [Applied(first.event, NO_EFFECT, first.recorded_at, first)]
        await project(driver, self._organisation_id, created, applied, first.sequence)

    async def import_log(self, slug: str, batches: Iterable[Sequence[StoredEvent]]) -> Head:
        query = select(ledgers.c.id).where(ledgers.c.organisation_id == self._organisation_id, ledgers.c.slug == slug)
        if await self._connection.scalar(query) is not None:
            raise _exists(slug)
        id = await self._connection.scalar(_NEXT_NUMBER)
        head = await self._replayed(id, batches)
        # Not before: this may take minutes, in which others change the organisation.
        await self.log.hold()
        await self._add(slug, id)
        return head

    async def _replayed(self, ledger_id: int, batches: Iterable[Sequence[StoredEvent]]) -> Head:
        driver = (await self._connection.get_raw_connection()).driver_connection
        assert driver is not None
        replay = Replay(driver, self._organisation_id, ledger_id)
        for batch in batches:
            await append_events(driver, self._organisation_id, ledger_id, batch)
            await replay.catch_up()
        if not await driver.fetchval(_IS_CREATED, ledger_id):
            raise ChainBroken(1, "the event does not create a ledger")
        await driver.execute(_PUT_ON_AGENDA, self._organisation_id, ledger_id)
        return replay.head

    async def _add(self, slug: str, id: Any) -> int:
        """Return the number of the ledger, which there is from now on. Raises `LedgerExists`, `QuotaExceeded`."""
        await require_another_ledger(self._connection, self._organisation_id)
        created: int | None = await self._connection.scalar(
            insert(ledgers)
            .values(organisation_id=self._organisation_id, id=id, slug=slug)
            .on_conflict_do_nothing(constraint="ledgers_slug")
            .returning(ledgers.c.id)
        )
        if created is None:
            raise _exists(slug)
        return created


def _exists(slug: str) -> LedgerExists:
    return LedgerExists(f"Your organisation has a ledger {slug!r} already.", pointer="/slug")

"""Creating a ledger: its row, the first event of its log, and what follows from it."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.identity.quotas import require_another_ledger
from adapters.postgres.ledger.projections import project
from adapters.postgres.organisation_log import PostgresOrganisationLog, append_event
from adapters.postgres.tables import ledgers
from application.ledger.ports import Applied
from domain.ledger.effect import NO_EFFECT
from domain.ledger.events import Event
from domain.ledger.ledger import LedgerExists
from domain.shared.chain import Author, Recorded


class PostgresLedgerChanges:
    """Changes which ledgers an organisation has, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self.log = PostgresOrganisationLog(connection, organisation_id)

    async def create_ledger(self, slug: str, first: Recorded[Event], author: Author) -> None:
        # Before the slug: an idempotency key holds the log first, and two that wait for each other would be a deadlock.
        await self.log.hold()
        await require_another_ledger(self._connection, self._organisation_id)
        created = await self._connection.scalar(
            insert(ledgers)
            .values(organisation_id=self._organisation_id, id=text("nextval('stream_numbers')"), slug=slug)
            .on_conflict_do_nothing(constraint="ledgers_slug")
            .returning(ledgers.c.id)
        )
        if created is None:
            raise LedgerExists(f"Your organisation has a ledger {slug!r} already.", pointer="/slug")
        await append_event(self._connection, self._organisation_id, created, first, author)
        driver = (await self._connection.get_raw_connection()).driver_connection
        applied = [Applied(first.event, NO_EFFECT, first.recorded_at, first)]
        await project(driver, self._organisation_id, created, applied, first.sequence)

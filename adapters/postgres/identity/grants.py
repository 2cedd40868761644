"""What persons let OAuth clients do in an organisation, for when that ends with the person."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import oauth_grants
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.organisation_log import PostgresOrganisationLog


class PostgresGrantEndings:
    """Ends grants of one organisation, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self.log = PostgresOrganisationLog(connection, organisation_id)

    async def end_all_of(self, person: str, now: datetime) -> Sequence[tuple[str, str]]:
        ended = await self._connection.execute(
            update(oauth_grants)
            .where(
                oauth_grants.c.organisation_id == self._organisation_id,
                oauth_grants.c.person_id == stored_id("usr", person),
                oauth_grants.c.revoked_at.is_(None),
            )
            .values(revoked_at=now)
            .returning(oauth_grants.c.id, oauth_grants.c.client_id)
        )
        return sorted((outward_id("gnt", id), outward_id("cli", client)) for id, client in ended)

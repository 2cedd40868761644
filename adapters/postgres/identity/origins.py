"""From where was acted in an organisation, for whoever has that erased."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import request_origins
from adapters.postgres.organisation_log import PostgresOrganisationLog


class PostgresOrigins:
    """Where events of one organisation came from, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self.log = PostgresOrganisationLog(connection, organisation_id)

    async def erase(self, actor: str) -> int:
        origins = request_origins.c
        statement = delete(request_origins).where(
            origins.organisation_id == self._organisation_id, origins.actor == actor
        )
        return (await self._connection.execute(statement)).rowcount

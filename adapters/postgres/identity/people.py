"""What organisations may know of persons: by id or by address, never a list of them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.identity.memberships import PostgresMemberships
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.person_tables import persons
from adapters.postgres.work import tenant_view
from application.identity.team_ports import OrganisationProfile


class PostgresPeopleLookup:
    """Looks persons up, outside of all organisations."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def emails(self, ids: Sequence[str]) -> Mapping[str, str]:
        stored = [stored_id("usr", id) for id in ids]
        query = select(persons.c.id, persons.c.email).where(persons.c.id.in_(stored), persons.c.email.is_not(None))
        async with tenant_view(self._engine, None) as connection:
            return {outward_id("usr", id): email for id, email in await connection.execute(query) if email}

    async def person_of(self, email: str) -> str | None:
        query = select(persons.c.id).where(persons.c.email == email, persons.c.email_verified_at.is_not(None))
        async with tenant_view(self._engine, None) as connection:
            id = (await connection.execute(query)).scalar_one_or_none()
        return None if id is None else outward_id("usr", id)

    async def organisations_of(self, person: str, *, limit: int, after: int = 0) -> Sequence[OrganisationProfile]:
        async with tenant_view(self._engine, None) as connection:
            memberships = PostgresMemberships(connection)
            found = await memberships.of(person, limit=limit, after=after)
            return await memberships.organisations([each.organisation_id for each in found])

"""What organisations may know of persons: by id or by address, never a list of them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.access_tables import members
from adapters.postgres.identity.team import profile_of
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.person_tables import persons
from adapters.postgres.tables import organisations
from adapters.postgres.work import tenant_view
from application.identity.team_ports import OrganisationProfile

_NO_ORGANISATION = 0


class PostgresPeopleLookup:
    """Looks persons up, outside of all organisations."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def emails(self, ids: Sequence[str]) -> Mapping[str, str]:
        stored = [stored_id("usr", id) for id in ids]
        query = select(persons.c.id, persons.c.email).where(persons.c.id.in_(stored), persons.c.email.is_not(None))
        async with tenant_view(self._engine, _NO_ORGANISATION) as connection:
            return {outward_id("usr", id): email for id, email in await connection.execute(query) if email}

    async def verified_email(self, person: str) -> str | None:
        query = select(persons.c.email).where(
            persons.c.id == stored_id("usr", person), persons.c.email_verified_at.is_not(None)
        )
        async with tenant_view(self._engine, _NO_ORGANISATION) as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def person_of(self, email: str) -> str | None:
        query = select(persons.c.id).where(persons.c.email == email, persons.c.email_verified_at.is_not(None))
        async with tenant_view(self._engine, _NO_ORGANISATION) as connection:
            id = (await connection.execute(query)).scalar_one_or_none()
        return None if id is None else outward_id("usr", id)

    async def organisations_of(self, person: str, *, limit: int, after: int = 0) -> Sequence[OrganisationProfile]:
        async with tenant_view(self._engine, _NO_ORGANISATION) as connection:
            await _set(connection, "app.person_id", str(stored_id("usr", person) or ""))
            # Row-level security lets a person see its own memberships, and this is asked for with no other's.
            query = (
                select(members.c.organisation_id)
                .where(members.c.person_id == stored_id("usr", person), members.c.organisation_id > after)
                .order_by(members.c.organisation_id)
                .limit(limit)
            )
            found = []
            for organisation_id in (await connection.execute(query)).scalars().all():
                await _set(connection, "app.organisation_id", str(organisation_id))
                row = await connection.execute(select(organisations).where(organisations.c.id == organisation_id))
                found.append(profile_of(row.mappings().one()))
        return found


async def _set(connection: AsyncConnection, name: str, value: str) -> None:
    await connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})

"""Of which organisations persons are members."""

from collections.abc import Sequence

from sqlalchemy import Delete, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import invitations, members
from adapters.postgres.identity.team import profile_of
from adapters.postgres.ids import stored_id
from adapters.postgres.tables import organisations
from adapters.postgres.views import set_local, set_tenant
from application.identity.person_ports import Membership
from application.identity.team_ports import OrganisationProfile
from domain.identity.role import Assignment


class PostgresMemberships:
    """Memberships, whichever the organisation: a policy shows everyone its own, and only while that is set."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, person_id: str, *, limit: int | None = None, after: int = 0) -> Sequence[Membership]:
        stored = stored_id("usr", person_id)
        query = (
            select(members.c.organisation_id, members.c.assignments, members.c.joined_at)
            .where(members.c.person_id == stored, members.c.organisation_id > after)
            .order_by(members.c.organisation_id)
            .limit(limit)
        )
        await set_local(self._connection, "app.person_id", str(stored or ""))
        found = [
            Membership(row.organisation_id, tuple(map(Assignment.of, row.assignments)), row.joined_at)
            for row in await self._connection.execute(query)
        ]
        await set_local(self._connection, "app.person_id", "")
        return found

    async def organisations(self, ids: Sequence[int]) -> Sequence[OrganisationProfile]:
        # One by one: row-level security shows an organisation to itself alone.
        found = []
        for id in ids:
            await set_tenant(self._connection, id)
            row = (await self._connection.execute(select(organisations).where(organisations.c.id == id))).mappings()
            found.append(profile_of(row.one()))
        await set_tenant(self._connection, None)
        return found

    async def forget_invitations(self, email: str) -> None:
        # A policy shows everyone the invitations to its own address, whichever the organisation.
        await set_local(self._connection, "app.email", email)
        await self._connection.execute(invitations_erased(email))
        await set_local(self._connection, "app.email", "")


def invitations_erased(email: str) -> Delete:
    """Return the statement that erases the invitations to an address."""
    return delete(invitations).where(invitations.c.email == email)

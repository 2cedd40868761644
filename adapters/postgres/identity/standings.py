"""What stands behind access tokens: sessions, OAuth grants, members and their roles."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.access_tables import members, oauth_clients, oauth_grants, roles
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.person_tables import sessions
from adapters.postgres.work import tenant_view
from application.identity.known_scopes import known_permissions
from application.identity.token_ports import AccessClaims
from domain.identity.role import Assignment, Role, grants_of, limits_of
from domain.shared.access import Grant, Person
from domain.shared.errors import NotAuthenticated


class PostgresStandings:
    """Looks up, in one view, all that an access token stands and falls with."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def grants(self, claims: AccessClaims) -> tuple[Grant, ...]:
        organisation_id = claims.organisation_id
        async with tenant_view(self._engine, organisation_id) as connection:
            if claims.is_of_session:
                if not await _is_lasting(connection, claims.credential, claims.subject, claims.issued_at):
                    raise NotAuthenticated(f"The session {claims.credential} has ended.")
            else:
                of_client = await _of_oauth_grant(connection, claims)
                if of_client is not None:
                    return of_client
            return () if organisation_id is None else await _of_member(connection, organisation_id, claims.subject)

    async def is_logged_in(self, person: Person, now: datetime) -> bool:
        async with tenant_view(self._engine, None) as connection:
            return await _is_lasting(connection, person.session, person.id, now)


async def _is_lasting(connection: AsyncConnection, session: str, person: str, at: datetime) -> bool:
    query = select(sessions.c.person_id).where(
        sessions.c.id == stored_id("ses", session), sessions.c.revoked_at.is_(None), sessions.c.expires_at > at
    )
    found = await connection.scalar(query)
    return found is not None and outward_id("usr", found) == person


async def _of_oauth_grant(connection: AsyncConnection, claims: AccessClaims) -> tuple[Grant, ...] | None:
    """Return what an OAuth client may do that acts for itself; None where it acts for a person."""
    organisation_id = claims.organisation_id
    query = (
        select(oauth_grants.c.person_id, oauth_clients.c.scopes, oauth_clients.c.ledgers, oauth_clients.c.accounts)
        .join(
            oauth_clients,
            (oauth_clients.c.organisation_id == oauth_grants.c.organisation_id)
            & (oauth_clients.c.id == oauth_grants.c.client_id),
        )
        .where(
            oauth_grants.c.organisation_id == organisation_id,
            oauth_grants.c.id == stored_id("gnt", claims.credential),
            oauth_grants.c.revoked_at.is_(None),
            oauth_clients.c.revoked_at.is_(None),
        )
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotAuthenticated(f"The OAuth grant {claims.credential} was revoked, or its client was.")
    if row["person_id"] is not None:
        return None
    return (Grant(known_permissions(row["scopes"]), *limits_of(dict(row))),)


async def _of_member(connection: AsyncConnection, organisation_id: int, person: str) -> tuple[Grant, ...]:
    query = select(members.c.assignments).where(
        members.c.organisation_id == organisation_id, members.c.person_id == stored_id("usr", person)
    )
    assigned = await connection.scalar(query)
    if assigned is None:
        raise NotAuthenticated(f"{person} is not a member of the organisation {organisation_id}.")
    assignments = [Assignment.of(each) for each in assigned]
    return grants_of(assignments, await own_roles(connection, organisation_id))


async def own_roles(connection: AsyncConnection, organisation_id: int) -> Mapping[str, Role]:
    """Return the roles that an organisation made itself, by name."""
    query = select(roles).where(roles.c.organisation_id == organisation_id)
    return {
        row.name: Role(row.name, row.description, known_permissions(row.permissions), row.version)
        for row in await connection.execute(query)
    }

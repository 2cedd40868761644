"""What OAuth clients were granted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, cast, false, insert, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from adapters.postgres.access_tables import oauth_clients, oauth_grants
from adapters.postgres.identity.oauth_clients import client_of
from adapters.postgres.identity.pages import page_by_id
from adapters.postgres.ids import outward_id, stored_id
from application.shared.pagination import Page, PageRequest
from domain.identity.oauth import OAuthClient, OAuthGrant


class PostgresOAuthGrants:
    """What an organisation's OAuth clients were granted, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._ours = oauth_grants.c.organisation_id == organisation_id

    async def page(self, page: PageRequest, *, person: str | None = None) -> Page[tuple[OAuthGrant, OAuthClient]]:
        working = select(oauth_clients.c.id).where(
            oauth_clients.c.organisation_id == self._organisation_id, oauth_clients.c.revoked_at.is_(None)
        )
        of_person = [] if person is None else [_is_of(person)]
        where = [oauth_grants.c.revoked_at.is_(None), oauth_grants.c.client_id.in_(working), *of_person]
        rows, after = await page_by_id(
            self._connection, oauth_grants, "id", self._organisation_id, page, prefix="gnt", where=where
        )
        grants = [grant_of(row) for row in rows]
        ids = {stored_id("cli", grant.client_id) for grant in grants}
        of_grants = select(oauth_clients).where(
            oauth_clients.c.organisation_id == self._organisation_id, oauth_clients.c.id.in_(ids)
        )
        clients = {c.id: c for c in map(client_of, (await self._connection.execute(of_grants)).mappings())}
        return Page([(grant, clients[grant.client_id]) for grant in grants], after)

    async def of(self, client: str, person: str | None, scopes: Sequence[str] | None) -> OAuthGrant | None:
        of_person = oauth_grants.c.person_id.is_(None) if person is None else _is_of(person)
        query = (
            select(oauth_grants)
            .where(
                self._ours,
                of_person,
                oauth_grants.c.client_id == stored_id("cli", client),
                oauth_grants.c.revoked_at.is_(None),
                true() if scopes is None else oauth_grants.c.scopes == list(scopes),
            )
            .limit(1)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else grant_of(row)

    async def get(self, id: str) -> OAuthGrant | None:
        query = select(oauth_grants).where(self._ours, oauth_grants.c.id == stored_id("gnt", id))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else grant_of(row)

    async def add(self, grant: OAuthGrant) -> None:
        await self._connection.execute(
            insert(oauth_grants).values(
                organisation_id=self._organisation_id,
                id=stored_id("gnt", grant.id),
                client_id=stored_id("cli", grant.client_id),
                person_id=None if grant.person is None else stored_id("usr", grant.person),
                scopes=list(grant.scopes),
                created_at=grant.created_at,
            )
        )

    async def revoke(self, id: str, now: datetime, *, person: str | None = None) -> str | None:
        change = update(oauth_grants).where(
            self._ours, oauth_grants.c.id == stored_id("gnt", id), oauth_grants.c.revoked_at.is_(None)
        )
        if person is not None:
            change = change.where(_is_of(person))
        changed = await self._connection.execute(change.values(revoked_at=now).returning(oauth_grants.c.client_id))
        client = changed.scalar_one_or_none()
        return None if client is None else outward_id("cli", client)

    async def revoke_all(self, client: str, *, unless_within: Sequence[str], now: datetime) -> Sequence[str]:
        within = cast(list(unless_within), ARRAY(Text))
        changed = await self._connection.execute(
            update(oauth_grants)
            .where(
                self._ours,
                oauth_grants.c.client_id == stored_id("cli", client),
                oauth_grants.c.revoked_at.is_(None),
                ~oauth_grants.c.scopes.contained_by(within),
            )
            .values(revoked_at=now)
            .returning(oauth_grants.c.id)
        )
        return [outward_id("gnt", id) for id in changed.scalars()]


def _is_of(person: str) -> ColumnElement[bool]:
    """Whether a grant is of a person; whoever is none has none, also not those that are of nobody."""
    stored = stored_id("usr", person)
    return false() if stored is None else oauth_grants.c.person_id == stored


def grant_of(row: RowMapping) -> OAuthGrant:
    """Return the grant that a row is."""
    return OAuthGrant(
        id=outward_id("gnt", row["id"]),
        client_id=outward_id("cli", row["client_id"]),
        person=None if row["person_id"] is None else outward_id("usr", row["person_id"]),
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )

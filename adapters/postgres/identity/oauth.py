"""OAuth clients and grants, codes and refresh tokens."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Table,
    cast,
    delete,
    exists,
    false,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import Text

from adapters.postgres.access_tables import members, oauth_clients, oauth_codes, oauth_grants, oauth_refresh_tokens
from adapters.postgres.identity.pages import page_by_id
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.tables import organisations
from adapters.postgres.work import tenant_transaction
from application.shared.pagination import Page, PageRequest
from domain.identity.oauth import IssuedCode, IssuedRefreshToken, OAuthClient, OAuthGrant
from domain.identity.role import limits_data, limits_of

# For so long, a code that was used is known again as one that was.
_CODES_KEPT: Final = timedelta(days=1)


class PostgresOAuthExchanges:
    """Opens transactions for requests that name an organisation and carry no principal."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def open(self, organisation_id: int) -> AsyncIterator["PostgresOAuth"]:
        async with tenant_transaction(self._engine, organisation_id) as connection:
            yield PostgresOAuth(connection, organisation_id)


class PostgresOAuth:
    """What can be read and changed of one organisation's OAuth, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self.log = PostgresOrganisationLog(connection, organisation_id)

    async def clients(self, page: PageRequest) -> Page[OAuthClient]:
        rows, after = await page_by_id(self._connection, oauth_clients, "id", self._organisation_id, page, prefix="cli")
        return Page([_client(row) for row in rows], after)

    async def working_clients(self) -> int:
        query = select(func.count()).where(self._of(oauth_clients), oauth_clients.c.revoked_at.is_(None))
        return (await self._connection.execute(query)).scalar_one()

    async def client(self, id: str) -> OAuthClient | None:
        query = select(oauth_clients).where(self._of(oauth_clients), oauth_clients.c.id == stored_id("cli", id))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _client(row)

    async def held_client(self, id: str) -> OAuthClient | None:
        query = select(oauth_clients).where(self._of(oauth_clients), oauth_clients.c.id == stored_id("cli", id))
        # A grant that is inserted meanwhile refers to the row, and need not wait for it.
        row = (await self._connection.execute(query.with_for_update(key_share=True))).mappings().one_or_none()
        return None if row is None else _client(row)

    async def add_client(self, client: OAuthClient) -> None:
        key = {"organisation_id": self._organisation_id, "id": stored_id("cli", client.id)}
        await self._connection.execute(
            insert(oauth_clients).values(**key, created_at=client.created_at, **_set_of(client))
        )

    async def set_client(self, client: OAuthClient) -> None:
        of_client = oauth_clients.c.id == stored_id("cli", client.id)
        await self._connection.execute(
            update(oauth_clients).where(self._of(oauth_clients), of_client).values(**_set_of(client))
        )

    async def grants(self, page: PageRequest, *, person: str | None = None) -> Page[tuple[OAuthGrant, OAuthClient]]:
        working = select(oauth_clients.c.id).where(self._of(oauth_clients), oauth_clients.c.revoked_at.is_(None))
        of_person = [] if person is None else [_is_of(person)]
        where = [oauth_grants.c.revoked_at.is_(None), oauth_grants.c.client_id.in_(working), *of_person]
        rows, after = await page_by_id(
            self._connection, oauth_grants, "id", self._organisation_id, page, prefix="gnt", where=where
        )
        grants = [_grant(row) for row in rows]
        ids = {stored_id("cli", grant.client_id) for grant in grants}
        of_grants = select(oauth_clients).where(self._of(oauth_clients), oauth_clients.c.id.in_(ids))
        clients = {c.id: c for c in map(_client, (await self._connection.execute(of_grants)).mappings())}
        return Page([(grant, clients[grant.client_id]) for grant in grants], after)

    async def revoke_grants(self, client: str, *, unless_within: Sequence[str], now: datetime) -> Sequence[str]:
        within = cast(list(unless_within), ARRAY(Text))
        changed = await self._connection.execute(
            update(oauth_grants)
            .where(
                self._of(oauth_grants),
                oauth_grants.c.client_id == stored_id("cli", client),
                oauth_grants.c.revoked_at.is_(None),
                ~oauth_grants.c.scopes.contained_by(within),
            )
            .values(revoked_at=now)
            .returning(oauth_grants.c.id)
        )
        return [outward_id("gnt", id) for id in changed.scalars()]

    async def revoke_grant(self, id: str, now: datetime, *, person: str | None = None) -> str | None:
        change = update(oauth_grants).where(
            self._of(oauth_grants), oauth_grants.c.id == stored_id("gnt", id), oauth_grants.c.revoked_at.is_(None)
        )
        if person is not None:
            change = change.where(_is_of(person))
        changed = await self._connection.execute(change.values(revoked_at=now).returning(oauth_grants.c.client_id))
        client = changed.scalar_one_or_none()
        return None if client is None else outward_id("cli", client)

    async def organisation_name(self) -> str:
        query = select(organisations.c.name).where(organisations.c.id == self._organisation_id)
        name: str = (await self._connection.execute(query)).scalar_one()
        return name

    async def is_member(self, person: str) -> bool:
        query = select(members.c.version).where(self._of(members), members.c.person_id == stored_id("usr", person))
        return await self._connection.scalar(query) is not None

    async def grant_of(self, client: str, person: str | None, scopes: Sequence[str] | None) -> OAuthGrant | None:
        of_person = oauth_grants.c.person_id.is_(None) if person is None else _is_of(person)
        query = (
            select(oauth_grants)
            .where(
                self._of(oauth_grants),
                of_person,
                oauth_grants.c.client_id == stored_id("cli", client),
                oauth_grants.c.revoked_at.is_(None),
                true() if scopes is None else oauth_grants.c.scopes == list(scopes),
            )
            .limit(1)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _grant(row)

    async def grant(self, id: str) -> OAuthGrant | None:
        query = select(oauth_grants).where(self._of(oauth_grants), oauth_grants.c.id == stored_id("gnt", id))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _grant(row)

    async def add_grant(self, grant: OAuthGrant) -> None:
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

    async def code(self, digest: bytes) -> IssuedCode | None:
        row = (await self._connection.execute(self._issued(oauth_codes, digest))).mappings().one_or_none()
        if row is None:
            return None
        return IssuedCode(**_issued(row), redirect_uri=row["redirect_uri"], code_challenge=row["code_challenge"])

    async def refresh_token(self, digest: bytes) -> IssuedRefreshToken | None:
        row = (await self._connection.execute(self._issued(oauth_refresh_tokens, digest))).mappings().one_or_none()
        return None if row is None else IssuedRefreshToken(**_issued(row), began_at=row["began_at"])

    async def add_code(self, code: IssuedCode, now: datetime) -> None:
        values = self._values(code, now) | {"redirect_uri": code.redirect_uri, "code_challenge": code.code_challenge}
        await self._connection.execute(insert(oauth_codes).values(values))
        await self._forget(oauth_codes, code.grant, now - _CODES_KEPT)

    async def add_refresh_token(self, token: IssuedRefreshToken, now: datetime) -> None:
        values = self._values(token, now) | {"began_at": token.began_at}
        await self._connection.execute(insert(oauth_refresh_tokens).values(values))
        await self._forget(oauth_refresh_tokens, token.grant, now)

    async def _forget(self, table: Table, grant: OAuthGrant, before: datetime) -> None:
        """Forget what of the grant expired before that time; what is being looked at stays until the next time."""
        old = (
            select(table.c.digest)
            .where(self._of(table), table.c.grant_id == stored_id("gnt", grant.id), table.c.expires_at < before)
            .with_for_update(skip_locked=True)
        )
        await self._connection.execute(delete(table).where(self._of(table), table.c.digest.in_(old)))

    async def use(self, spent: IssuedCode | IssuedRefreshToken, now: datetime) -> None:
        table = oauth_codes if isinstance(spent, IssuedCode) else oauth_refresh_tokens
        await self._connection.execute(
            update(table).where(self._of(table), table.c.digest == spent.digest).values(used_at=now)
        )

    def _of(self, table: Table) -> ColumnElement[bool]:
        return table.c.organisation_id == self._organisation_id

    def _issued(self, table: Table, digest: bytes) -> Select[Any]:
        of_member = exists().where(self._of(members), members.c.person_id == oauth_grants.c.person_id)
        own = [column for column in table.c if column.name not in oauth_grants.c]
        return (
            select(*own, oauth_grants, of_member.label("is_of_member"))
            .join(
                oauth_grants,
                (oauth_grants.c.organisation_id == table.c.organisation_id) & (oauth_grants.c.id == table.c.grant_id),
            )
            .where(self._of(table), table.c.digest == digest)
            .with_for_update(of=table)
        )

    def _values(self, issued: IssuedCode | IssuedRefreshToken, now: datetime) -> dict[str, Any]:
        return {
            "organisation_id": self._organisation_id,
            "digest": issued.digest,
            "grant_id": stored_id("gnt", issued.grant.id),
            "created_at": now,
            "expires_at": issued.expires_at,
        }


def _is_of(person: str) -> ColumnElement[bool]:
    """Whether a grant is of a person; whoever is none has none, also not those that are of nobody."""
    stored = stored_id("usr", person)
    return false() if stored is None else oauth_grants.c.person_id == stored


def _client(row: RowMapping) -> OAuthClient:
    limits = limits_of(dict(row))
    return OAuthClient(
        id=outward_id("cli", row["id"]),
        name=row["name"],
        redirect_uris=tuple(row["redirect_uris"]),
        grant_types=tuple(row["grant_types"]),
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        ledgers=limits[0],
        accounts=limits[1],
        revoked_at=row["revoked_at"],
        version=row["version"],
        secret_digest=row["secret_digest"],
    )


def _set_of(client: OAuthClient) -> dict[str, Any]:
    return {
        "name": client.name,
        "secret_digest": client.secret_digest,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(client.grant_types),
        "scopes": list(client.scopes),
        "revoked_at": client.revoked_at,
        "version": client.version,
        **limits_data(client.ledgers, client.accounts),
    }


def _grant(row: RowMapping) -> OAuthGrant:
    return OAuthGrant(
        id=outward_id("gnt", row["id"]),
        client_id=outward_id("cli", row["client_id"]),
        person=None if row["person_id"] is None else outward_id("usr", row["person_id"]),
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )


def _issued(row: RowMapping) -> dict[str, Any]:
    return {
        "digest": row["digest"],
        "grant": _grant(row),
        "expires_at": row["expires_at"],
        "used_at": row["used_at"],
        "is_of_member": row["is_of_member"],
    }

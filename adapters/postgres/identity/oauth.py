"""OAuth: clients and grants, codes and refresh tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, Table, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.access_tables import members, oauth_codes, oauth_grants, oauth_refresh_tokens
from adapters.postgres.identity.oauth_clients import PostgresOAuthClients
from adapters.postgres.identity.oauth_grants import PostgresOAuthGrants, grant_of
from adapters.postgres.ids import stored_id
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.tables import organisations
from adapters.postgres.work import tenant_transaction
from domain.identity.oauth import IssuedCode, IssuedRefreshToken, OAuthGrant

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
        self.clients = PostgresOAuthClients(connection, organisation_id)
        self.grants = PostgresOAuthGrants(connection, organisation_id)
        self.codes = PostgresOAuthCodes(connection, organisation_id)

    async def organisation_name(self) -> str:
        query = select(organisations.c.name).where(organisations.c.id == self._organisation_id)
        name: str = (await self._connection.execute(query)).scalar_one()
        return name

    async def is_member(self, person: str) -> bool:
        query = select(members.c.version).where(
            members.c.organisation_id == self._organisation_id, members.c.person_id == stored_id("usr", person)
        )
        return await self._connection.scalar(query) is not None


class PostgresOAuthCodes:
    """The codes and refresh tokens of an organisation's OAuth clients, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

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


def _issued(row: RowMapping) -> dict[str, Any]:
    return {
        "digest": row["digest"],
        "grant": grant_of(row),
        "expires_at": row["expires_at"],
        "used_at": row["used_at"],
        "is_of_member": row["is_of_member"],
    }

"""OAuth clients."""

from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import oauth_clients
from adapters.postgres.identity.pages import page_by_id
from adapters.postgres.ids import outward_id, stored_id
from application.shared.pagination import Page, PageRequest
from domain.identity.oauth import OAuthClient
from domain.identity.role import limits_data, limits_of


class PostgresOAuthClients:
    """The OAuth clients of an organisation, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._ours = oauth_clients.c.organisation_id == organisation_id

    async def page(self, page: PageRequest) -> Page[OAuthClient]:
        rows, after = await page_by_id(self._connection, oauth_clients, "id", self._organisation_id, page, prefix="cli")
        return Page([client_of(row) for row in rows], after)

    async def working(self) -> int:
        query = select(func.count()).where(self._ours, oauth_clients.c.revoked_at.is_(None))
        return (await self._connection.execute(query)).scalar_one()

    async def get(self, id: str) -> OAuthClient | None:
        query = select(oauth_clients).where(self._ours, oauth_clients.c.id == stored_id("cli", id))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else client_of(row)

    async def held(self, id: str) -> OAuthClient | None:
        query = select(oauth_clients).where(self._ours, oauth_clients.c.id == stored_id("cli", id))
        # A grant that is inserted meanwhile refers to the row, and need not wait for it.
        row = (await self._connection.execute(query.with_for_update(key_share=True))).mappings().one_or_none()
        return None if row is None else client_of(row)

    async def add(self, client: OAuthClient) -> None:
        key = {"organisation_id": self._organisation_id, "id": stored_id("cli", client.id)}
        await self._connection.execute(
            insert(oauth_clients).values(**key, created_at=client.created_at, **_set_of(client))
        )

    async def put(self, client: OAuthClient) -> None:
        of_client = oauth_clients.c.id == stored_id("cli", client.id)
        await self._connection.execute(update(oauth_clients).where(self._ours, of_client).values(**_set_of(client)))


def client_of(row: RowMapping) -> OAuthClient:
    """Return the client that a row is."""
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

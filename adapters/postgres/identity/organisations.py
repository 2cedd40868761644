"""Organisations, their logs and their API keys."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.access_tables import request_origins
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.tables import api_keys, organisations
from adapters.postgres.work import tenant_transaction, tenant_view
from domain.identity.api_key import ApiKey
from domain.identity.events import OrganisationCreated
from domain.identity.role import limits_of
from domain.shared.chain import Author


class PostgresOrganisations:
    """Where organisations come into being, and where keys are looked up."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, name: str, *, event_id: str, author: Author, now: datetime) -> int:
        async with self._engine.connect() as connection:
            organisation_id: int = await connection.scalar(text("SELECT nextval('stream_numbers')"))
        async with tenant_transaction(self._engine, organisation_id) as connection:
            await connection.execute(insert(organisations).values(id=organisation_id, name=name, created_at=now))
            log = PostgresOrganisationLog(connection, organisation_id)
            await log.record(OrganisationCreated(name), id=event_id, author=author, now=now)
        return organisation_id

    async def key_of(self, organisation_id: int, digest: bytes) -> ApiKey | None:
        async with tenant_view(self._engine, organisation_id) as connection:
            query = select(api_keys).where(api_keys.c.organisation_id == organisation_id, api_keys.c.digest == digest)
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else _api_key(row)


class PostgresIdentity:
    """What can be read and changed of one organisation, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self.log = PostgresOrganisationLog(connection, organisation_id)

    async def api_keys(self) -> Sequence[ApiKey]:
        query = (
            select(api_keys)
            .where(api_keys.c.organisation_id == self._organisation_id)
            .order_by(api_keys.c.created_at, api_keys.c.id)
        )
        return [_api_key(row) for row in (await self._connection.execute(query)).mappings()]

    async def api_key(self, id: str) -> ApiKey:
        query = select(api_keys).where(
            api_keys.c.organisation_id == self._organisation_id, api_keys.c.id == stored_id("key", id)
        )
        return _api_key((await self._connection.execute(query)).mappings().one())

    async def add_api_key(self, key: ApiKey, digest: bytes) -> None:
        await self._connection.execute(
            insert(api_keys).values(
                organisation_id=self._organisation_id,
                id=stored_id("key", key.id),
                name=key.name,
                digest=digest,
                hint=key.hint,
                created_at=key.created_at,
            )
        )

    async def erase_origins(self, actor: str) -> int:
        origins = request_origins.c
        result = await self._connection.execute(
            delete(request_origins).where(origins.organisation_id == self._organisation_id, origins.actor == actor)
        )
        return result.rowcount

    async def revoke_api_key(self, id: str, now: datetime) -> bool:
        stored = stored_id("key", id)
        if stored is None:
            return False
        result = await self._connection.execute(
            update(api_keys)
            .where(
                api_keys.c.organisation_id == self._organisation_id,
                api_keys.c.id == stored,
                api_keys.c.revoked_at.is_(None),
            )
            .values(revoked_at=now)
        )
        return result.rowcount == 1


def _api_key(row: RowMapping) -> ApiKey:
    limits = limits_of(dict(row))
    return ApiKey(
        id=outward_id("key", row["id"]),
        name=row["name"],
        hint=row["hint"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        scopes=tuple(row["scopes"]),
        ledgers=limits[0],
        accounts=limits[1],
        expires_at=row["expires_at"],
        networks=None if row["networks"] is None else tuple(row["networks"]),
        last_used_at=row["last_used_at"],
    )

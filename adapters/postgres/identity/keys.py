"""API keys of an organisation, inside one unit of work; and when they were last used."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, RowMapping, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.identity.pages import page_by_id
from adapters.postgres.identity.quotas import quotas_of
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.tables import api_keys
from adapters.postgres.work import tenant_transaction
from application.shared.pagination import Page, PageRequest
from domain.identity.api_key import ApiKey
from domain.identity.role import limits_data, limits_of


class PostgresIdentity:
    """What can be read and changed of one organisation's keys, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self.log = PostgresOrganisationLog(connection, organisation_id)

    async def api_keys(self, page: PageRequest) -> Page[ApiKey]:
        rows, after = await page_by_id(self._connection, api_keys, "id", self._organisation_id, page, prefix="key")
        return Page([api_key_of(row) for row in rows], after)

    async def api_key(self, id: str) -> ApiKey | None:
        query = select(api_keys).where(
            api_keys.c.organisation_id == self._organisation_id, api_keys.c.id == stored_id("key", id)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else api_key_of(row)

    async def require_another_key(self, now: datetime) -> None:
        quotas = await quotas_of(self._connection, self._organisation_id)
        if quotas.api_keys is not None:
            quotas.require_another_api_key(await working_keys(self._connection, self._organisation_id, now))

    async def has_working_predecessor(self, id: str, now: datetime) -> bool:
        query = select(func.count()).where(
            *_work(api_keys, self._organisation_id, now), api_keys.c.replaced_by == stored_id("key", id)
        )
        return (await self._connection.execute(query)).scalar_one() > 0

    async def add_api_key(self, key: ApiKey, digest: bytes) -> None:
        await self._connection.execute(
            insert(api_keys).values(
                organisation_id=self._organisation_id,
                id=stored_id("key", key.id),
                name=key.name,
                digest=digest,
                hint=key.hint,
                created_at=key.created_at,
                scopes=list(key.scopes),
                **limits_data(key.ledgers, key.accounts),
                networks=None if key.networks is None else list(key.networks),
                expires_at=key.expires_at,
            )
        )

    async def change_api_key(self, key: ApiKey) -> None:
        await self._connection.execute(
            update(api_keys)
            .where(api_keys.c.organisation_id == self._organisation_id, api_keys.c.id == stored_id("key", key.id))
            .values(
                expires_at=key.expires_at,
                revoked_at=key.revoked_at,
                replaced_by=None if key.replaced_by is None else stored_id("key", key.replaced_by),
            )
        )


class PostgresKeyUses:
    """Keeps when keys were last used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def mark(self, organisation_id: int, id: str, now: datetime, *, unless_after: datetime) -> None:
        used = api_keys.c.last_used_at
        async with tenant_transaction(self._engine, organisation_id) as connection:
            await connection.execute(
                update(api_keys)
                .where(
                    api_keys.c.organisation_id == organisation_id,
                    api_keys.c.id == stored_id("key", id),
                    or_(used.is_(None), used <= unless_after),
                )
                .values(last_used_at=now)
            )


async def working_keys(connection: AsyncConnection, organisation_id: int, now: datetime) -> int:
    """Return how many of an organisation's keys work, without those that the key in their place stands for.

    That is so while it works and was not replaced itself: of each line of rotated keys one is free, and not all.
    """
    successor = api_keys.alias("successor")
    stood_for = exists().where(
        *_work(successor, organisation_id, now),
        successor.c.id == api_keys.c.replaced_by,
        successor.c.replaced_by.is_(None),
    )
    query = select(func.count()).where(*_work(api_keys, organisation_id, now), ~stood_for)
    return (await connection.execute(query)).scalar_one()


def _work(keys: FromClause, organisation_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        keys.c.organisation_id == organisation_id,
        keys.c.revoked_at.is_(None),
        or_(keys.c.expires_at.is_(None), keys.c.expires_at > now),
    )


def api_key_of(row: RowMapping) -> ApiKey:
    """Return the key that a row is."""
    ledgers, accounts = limits_of(dict(row))
    replaced_by: UUID | None = row["replaced_by"]
    return ApiKey(
        id=outward_id("key", row["id"]),
        name=row["name"],
        hint=row["hint"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        scopes=tuple(row["scopes"]),
        ledgers=ledgers,
        accounts=accounts,
        expires_at=row["expires_at"],
        networks=None if row["networks"] is None else tuple(row["networks"]),
        last_used_at=row["last_used_at"],
        replaced_by=None if replaced_by is None else outward_id("key", replaced_by),
    )

"""Tickets on PostgreSQL, each a row of its organisation until it is used."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.access_tables import tickets
from adapters.postgres.work import tenant_transaction


class PostgresTickets:
    """The tickets of a database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, organisation_id: int, digest: bytes, sealed: bytes, expires_at: datetime) -> None:
        async with tenant_transaction(self._engine, organisation_id) as connection:
            await connection.execute(
                insert(tickets).values(
                    organisation_id=organisation_id, digest=digest, sealed=sealed, expires_at=expires_at
                )
            )

    async def remove_expired(self, organisation_id: int, now: datetime) -> int:
        of = tickets.c
        async with tenant_transaction(self._engine, organisation_id) as connection:
            await connection.execute(delete(tickets).where(of.organisation_id == organisation_id, of.expires_at <= now))
            count = await connection.execute(select(func.count()).where(of.organisation_id == organisation_id))
            return count.scalar_one()

    async def take(self, organisation_id: int, digest: bytes, now: datetime) -> bytes | None:
        of = tickets.c
        taken = (
            delete(tickets)
            .where(of.organisation_id == organisation_id, of.digest == digest)
            .returning(of.sealed, of.expires_at)
        )
        async with tenant_transaction(self._engine, organisation_id) as connection:
            row = (await connection.execute(taken)).one_or_none()
        return None if row is None or row.expires_at <= now else bytes(row.sealed)

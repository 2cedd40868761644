"""Idempotency keys that one of the servers forgets."""

from datetime import datetime

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.tables import idempotency_keys
from adapters.postgres.work import set_local, transaction_of_nobody


class PostgresUsedKeys:
    """Idempotency keys of all organisations: a policy shows those that were used before a time, to be deleted."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def remove(self, before: datetime, limit: int) -> int:
        of = idempotency_keys.c
        old = select(of.stream_id, of.key).where(of.used_at < before).order_by(of.used_at).limit(limit)
        async with transaction_of_nobody(self._engine) as connection:
            await set_local(connection, "app.used_before", before.isoformat())
            # A key that is used again at this moment is looked at anew once that is committed: the time is said twice.
            removed = await connection.execute(
                delete(idempotency_keys).where(tuple_(of.stream_id, of.key).in_(old), of.used_at < before)
            )
        return removed.rowcount

"""Which server does what has to be done now and then; and the idempotency keys that one of them forgets."""

from datetime import datetime

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.job_tables import duties
from adapters.postgres.tables import idempotency_keys
from adapters.postgres.work import set_local, transaction_of_nobody


class PostgresRoster:
    """Duties of all servers of a database: whoever says first when one is due again, does it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def take(self, name: str, now: datetime, next_at: datetime) -> bool:
        # What is due later than in one period was written by a clock that was set back since.
        taking = (
            upsert(duties)
            .values(name=name, due_at=next_at)
            .on_conflict_do_update(
                index_elements=["name"],
                set_={"due_at": next_at},
                where=or_(duties.c.due_at <= now, duties.c.due_at > next_at),
            )
        )
        async with transaction_of_nobody(self._engine) as connection:
            return bool((await connection.execute(taking)).rowcount)


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

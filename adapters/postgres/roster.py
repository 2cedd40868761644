"""Which server does what has to be done now and then."""

from datetime import datetime

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.job_tables import duties
from adapters.postgres.work import transaction_of_nobody


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

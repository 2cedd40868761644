"""What waits to be done in the background, across all organisations, and how late it is."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.work import transaction_of_nobody

# More than this is "very many", whatever it is.
COUNTED_MAX: Final = 10_000
_BACKLOG: Final = text("""
SELECT count(*) AS due, coalesce(extract(epoch FROM now() - min(due_at)), 0)::float AS late FROM (
    SELECT due_at FROM due_jobs WHERE NOT is_over AND due_at <= now() ORDER BY due_at LIMIT :most
) AS jobs
""")


class PostgresBacklog:
    """Counts what is due, by the tables that say so across organisations and nothing else of them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self) -> Mapping[tuple[str, str], float]:
        async with transaction_of_nobody(self._engine) as connection:
            due, late = (await connection.execute(_BACKLOG, {"most": COUNTED_MAX})).one()
        return {("jobs_due", ""): due, ("jobs_late_seconds", ""): late}

"""What waits to be done in the background, across all organisations, and how late it is."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.work import transaction_of_nobody

# More than this is "very many", whatever it is.
COUNTED_MAX: Final = 10_000
_BACKLOG: Final = text("""
SELECT what, count(*), coalesce(extract(epoch FROM now() - min(at)), 0)::float FROM (
    (SELECT 'jobs' AS what, due_at AS at FROM due_jobs
        WHERE NOT is_over AND due_at <= now() ORDER BY due_at LIMIT :most)
    UNION ALL
    (SELECT 'webhooks', look_at FROM webhook_agenda WHERE look_at <= now() ORDER BY look_at LIMIT :most)
) AS due
GROUP BY what
""")


class PostgresBacklog:
    """Counts what is due, by the tables that say so across organisations and nothing else of them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def read(self) -> Mapping[tuple[str, str], float]:
        async with transaction_of_nobody(self._engine) as connection:
            rows = (await connection.execute(_BACKLOG, {"most": COUNTED_MAX})).all()
        found = {(f"{what}_{figure}", ""): 0.0 for what in ("jobs", "webhooks") for figure in ("due", "late_seconds")}
        for what, due, late_seconds in rows:
            found |= {(f"{what}_due", ""): due, (f"{what}_late_seconds", ""): late_seconds}
        return found

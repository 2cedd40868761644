"""Quotas of organisations, and how much of them is used."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.access_tables import log_sizes
from adapters.postgres.file_tables import files
from adapters.postgres.tables import ledgers, organisations
from adapters.postgres.work import tenant_transaction, tenant_view
from domain.shared.quotas import Quotas

# Bounds of what one metering reads: the next one goes on where it ended.
STREAMS_MAX: Final = 500
EVENTS_MAX: Final = 50_000

_HEADS = text("""
SELECT stream.id, coalesce(known.through_sequence, 0), last.sequence
FROM unnest(CAST(:ids AS bigint[])) AS stream (id)
LEFT JOIN log_sizes AS known ON known.organisation_id = :organisation AND known.stream_id = stream.id
CROSS JOIN LATERAL (
    SELECT sequence FROM event_log WHERE stream_id = stream.id ORDER BY sequence DESC LIMIT 1
) AS last
WHERE last.sequence > coalesce(known.through_sequence, 0)
ORDER BY stream.id
""")

# Sums of the same events are the same whoever works them out: of two servers, the one that came further wins.
_METER = text("""
INSERT INTO log_sizes (organisation_id, stream_id, through_sequence, bytes)
SELECT :organisation, span.id, span.until, coalesce(known.bytes, 0) + added.bytes
FROM unnest(CAST(:ids AS bigint[]), CAST(:after AS bigint[]), CAST(:until AS bigint[])) AS span (id, after, until)
LEFT JOIN log_sizes AS known
ON known.organisation_id = :organisation AND known.stream_id = span.id AND known.through_sequence = span.after
CROSS JOIN LATERAL (
    SELECT sum(octet_length(content))::bigint AS bytes FROM event_log
    WHERE stream_id = span.id AND sequence > span.after AND sequence <= span.until
) AS added
WHERE span.after = 0 OR known.stream_id IS NOT NULL
ORDER BY span.id
ON CONFLICT (organisation_id, stream_id) DO UPDATE
SET through_sequence = excluded.through_sequence, bytes = excluded.bytes
WHERE log_sizes.through_sequence < excluded.through_sequence
""")


class PostgresQuotas:
    """Looks quotas up, and meters logs: in a table of its own, never where they are written."""

    def __init__(self, engine: AsyncEngine, *, events_max: int = EVENTS_MAX, streams_max: int = STREAMS_MAX) -> None:
        self._engine = engine
        self._events_max = events_max
        self._streams_max = streams_max
        # After which stream the next metering of an organisation goes on, where the last one came to its bound.
        self._after: dict[int, int] = {}

    async def quotas(self, organisation_id: int) -> Quotas:
        async with tenant_view(self._engine, organisation_id) as connection:
            return await quotas_of(connection, organisation_id)

    async def meter(self, organisation_id: int) -> int:
        after = self._after.pop(organisation_id, -1)
        async with tenant_transaction(self._engine, organisation_id) as connection:
            ids = await self._streams(connection, organisation_id, after)
            last = await self._meter(connection, organisation_id, ids)
            total = await used_bytes(connection, organisation_id)
        if last is not None:
            self._after[organisation_id] = last
        elif len(ids) == self._streams_max:
            self._after[organisation_id] = ids[-1]
        return total

    async def _streams(self, connection: AsyncConnection, organisation_id: int, after: int) -> Sequence[int]:
        of_ledgers = select(ledgers.c.id).where(ledgers.c.organisation_id == organisation_id)
        streams = of_ledgers.union_all(select(literal(organisation_id, BigInteger))).subquery()
        id = streams.c[0]
        query = select(id).where(id > after).order_by(id).limit(self._streams_max)
        return (await connection.execute(query)).scalars().all()

    async def _meter(self, connection: AsyncConnection, organisation_id: int, ids: Sequence[int]) -> int | None:
        """Meter these streams; return the last one that is up to date, where one is left that is not."""
        left = self._events_max
        spans: list[tuple[int, int, int]] = []
        stopped = None
        given = {"organisation": organisation_id, "ids": list(ids)}
        for id, through, head in await connection.execute(_HEADS, given):
            until = min(head, through + left)
            if until > through:
                spans.append((id, through, until))
                left -= until - through
            if until < head:
                stopped = id - 1
                break
        if spans:
            columns = [list(column) for column in zip(*spans, strict=True)]
            await connection.execute(
                _METER,
                {"organisation": organisation_id, "ids": columns[0], "after": columns[1], "until": columns[2]},
            )
        return stopped


async def quotas_of(connection: AsyncConnection, organisation_id: int) -> Quotas:
    """Return an organisation's quotas."""
    query = select(organisations.c.quotas).where(organisations.c.id == organisation_id)
    return Quotas.of(await connection.scalar(query) or {})


async def require_another_ledger(connection: AsyncConnection, organisation_id: int) -> None:
    """Return if the organisation may have one more ledger; else raise `QuotaExceeded`.

    While the organisation's log is held, what is counted here stays so.
    """
    quotas = await quotas_of(connection, organisation_id)
    if quotas.ledgers is not None:
        quotas.require_another_ledger(await ledgers_used(connection, organisation_id))


async def ledgers_used(connection: AsyncConnection, organisation_id: int) -> int:
    """Return how many ledgers an organisation has, the archived ones too."""
    query = select(func.count()).select_from(ledgers).where(ledgers.c.organisation_id == organisation_id)
    return (await connection.execute(query)).scalar_one()


async def used_bytes(connection: AsyncConnection, organisation_id: int) -> int:
    """Return how long the organisation's logs are, as far as they were metered, and its files."""
    of_logs = select(func.sum(log_sizes.c.bytes)).where(log_sizes.c.organisation_id == organisation_id)
    of_files = select(func.sum(files.c.size)).where(files.c.organisation_id == organisation_id)
    total = func.coalesce(of_logs.scalar_subquery(), 0) + func.coalesce(of_files.scalar_subquery(), 0)
    return int((await connection.execute(select(total))).scalar_one())

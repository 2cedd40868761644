"""The audit log: the logs of an organisation and its ledgers, read backwards side by side and merged by their times.

No index but the logs' own key serves it, so writing costs nothing for it. Within a log times never go back, so where a
time lies in it is found by halving; of which logs that has to be found, their last events tell.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.audit_merge import Merge, Row, Stream
from adapters.postgres.ledger.readers.events import BYTES_MAX
from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX
from application.ledger.audit_reader import AuditEntry, AuditFilter
from application.shared.pagination import Page, PageRequest, Position
from domain.shared.chain import format_time, parse_time
from domain.shared.errors import ValidationFailed
from domain.shared.text import is_storable

LEDGERS_MAX: Final = 5_000

# The last event of each log; one row more than there may be.
_HEADS = text("""
SELECT logs.stream_id, logs.slug, head.sequence, head.recorded_at
FROM (
    (
        SELECT id AS stream_id, slug FROM ledgers
        WHERE organisation_id = :organisation AND :of_ledgers AND (:of_all OR slug = ANY(CAST(:slugs AS text[])))
        LIMIT :limit
    )
    UNION ALL
    SELECT CAST(:organisation AS bigint), NULL WHERE :of_organisation
) AS logs
CROSS JOIN LATERAL (
    SELECT sequence, recorded_at FROM event_log WHERE event_log.stream_id = logs.stream_id
    ORDER BY sequence DESC LIMIT 1
) AS head
""")
# The last event of each log before a place in the order of times and logs, found by halving all of them together.
_LAST_BEFORE = text("""
WITH RECURSIVE search (stream_id, low, high) AS (
    SELECT stream_id, 1::bigint, head + 1
    FROM unnest(CAST(:streams AS bigint[]), CAST(:heads AS bigint[])) AS logs (stream_id, head)
    UNION ALL
    SELECT stream_id, CASE WHEN is_before THEN middle + 1 ELSE low END, CASE WHEN is_before THEN high ELSE middle END
    FROM search
    CROSS JOIN LATERAL (
        SELECT sequence AS middle,
               recorded_at < :moment OR (recorded_at = :moment AND search.stream_id < :stream) AS is_before
        FROM event_log WHERE event_log.stream_id = search.stream_id AND sequence = (low + high) / 2 LIMIT 1
    ) AS event
    WHERE low < high
)
SELECT search.stream_id, event.sequence, event.recorded_at
FROM search
CROSS JOIN LATERAL (
    SELECT sequence, recorded_at FROM event_log
    WHERE event_log.stream_id = search.stream_id AND sequence = low - 1 LIMIT 1
) AS event
WHERE low = high
""")
# How an event's bytes begin and end, which tells by whom, in which request and of which type it is: an event may have
# megabytes in between.
_ROWS = text("""
SELECT wanted.stream_id, event.sequence, event.recorded_at, event.beginning, event.ending
FROM unnest(CAST(:streams AS bigint[]), CAST(:lasts AS bigint[])) AS wanted (stream_id, last)
CROSS JOIN LATERAL (
    SELECT sequence, recorded_at, substring(content FROM 1 FOR 300) AS beginning,
           substring(content FROM greatest(octet_length(content) - 399, 1)) AS ending
    FROM event_log
    WHERE event_log.stream_id = wanted.stream_id AND sequence <= wanted.last AND sequence > wanted.last - :each
    ORDER BY sequence DESC LIMIT :each
) AS event
""")
_CONTENTS = text("""
SELECT sized.content, origin.credential, origin.address, origin.user_agent
FROM (
    SELECT wanted.*, event.content,
           sum(octet_length(content)) OVER (ORDER BY place) - octet_length(content) AS bytes_before
    FROM unnest(CAST(:streams AS bigint[]), CAST(:sequences AS bigint[]))
        WITH ORDINALITY AS wanted (stream_id, sequence, place)
    CROSS JOIN LATERAL (
        SELECT content FROM event_log
        WHERE event_log.stream_id = wanted.stream_id AND event_log.sequence = wanted.sequence LIMIT 1
    ) AS event
) AS sized
LEFT JOIN LATERAL (
    SELECT * FROM request_origins
    WHERE organisation_id = :organisation AND request_origins.stream_id = sized.stream_id
        AND request_origins.sequence <= sized.sequence
    ORDER BY request_origins.sequence DESC LIMIT 1
) AS origin ON origin.last_sequence >= sized.sequence
WHERE bytes_before < :bytes
ORDER BY place
""")
# The canonical form has the keys in order: actor, data, id, recorded_at, request_id, sequence, type.
_BEGINNING: Final = re.compile(rb'\{"actor":"([^"\\]*)","data":')
_ENDING: Final = re.compile(rb'"request_id":"([^"\\]*)","sequence":[0-9]+,"type":"([^"\\]*)"\}\Z')


class PostgresAudit:
    """Reads the audit log, inside one view of an organisation. A page looks at `rows_max` events, or a few more."""

    def __init__(self, connection: AsyncConnection, organisation_id: int, rows_max: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._rows_max = rows_max

    async def entries(self, where: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
        merge = Merge(await self._streams(where, page.after), self._rows, rows_max=self._rows_max, limit=page.limit)
        found, after = await merge.page(lambda row: _belongs(row, where), not_before=_not_before(where))
        entries = await self._entries(found)
        if len(entries) < len(found):  # they are long
            after = found[len(entries) - 1]
        return Page(entries, None if after is None else (format_time(after.at), after.stream.id, after.sequence))

    async def _streams(self, where: AuditFilter, after: Position | None) -> list[Stream]:
        """Return the logs, each from the newest event on that can be on the page."""
        heads = await self._connection.execute(
            _HEADS,
            {
                "organisation": self._organisation_id,
                "of_ledgers": where.of_ledger is not False,
                "of_all": not where.ledger,
                "slugs": [slug for slug in where.ledger if is_storable(slug)],
                "of_organisation": not where.ledger and where.of_ledger is not True,
                "limit": LEDGERS_MAX + 1,
            },
        )
        streams = {id: Stream(id, slug, sequence, at) for id, slug, sequence, at in heads}
        if len(streams) > LEDGERS_MAX + 1:
            raise ValidationFailed(f"There are more than {LEDGERS_MAX:,} ledgers: name those that you mean.")
        bound = _bound(where, after)
        if bound is None:
            return list(streams.values())
        moment, stream_id = bound
        late = [each for each in streams.values() if (each.at, each.id) >= bound]
        parameters = {
            "streams": [each.id for each in late],
            "heads": [each.sequence for each in late],
            "moment": moment,
            "stream": stream_id,
        }
        moved = {each.id: each for each in late}
        for each in late:
            del streams[each.id]
        for id, sequence, at in await self._connection.execute(_LAST_BEFORE, parameters) if late else ():
            streams[id] = Stream(id, moved[id].slug, sequence, at)
        if after is not None and stream_id in moved and int(after[2]) > 1:
            # The log that the last page ended in goes on there: more of its events may have that very time.
            streams[stream_id] = Stream(stream_id, moved[stream_id].slug, int(after[2]) - 1, moment)
        return list(streams.values())

    async def _rows(self, streams: Sequence[Stream], each: int) -> Iterable[tuple[int, Row]]:
        parameters = {
            "streams": [stream.id for stream in streams],
            "lasts": [stream.sequence for stream in streams],
            "each": each,
        }
        by_id = {stream.id: stream for stream in streams}
        return [
            (id, Row(by_id[id], sequence, at, beginning, ending))
            for id, sequence, at, beginning, ending in await self._connection.execute(_ROWS, parameters)
        ]

    async def _entries(self, rows: Sequence[Row]) -> list[AuditEntry]:
        """Return the entries of these rows, or of as many as have about 4 MiB together."""
        if not rows:
            return []
        parameters = {
            "organisation": self._organisation_id,
            "streams": [row.stream.id for row in rows],
            "sequences": [row.sequence for row in rows],
            "bytes": BYTES_MAX,
        }
        stored = await self._connection.execute(_CONTENTS, parameters)
        return [_entry(row, *of_row) for row, of_row in zip(rows, stored, strict=False)]


def _entry(row: Row, content: bytes, credential: str | None, address: str | None, user_agent: str | None) -> AuditEntry:
    event: Mapping[str, Any] = json.loads(content)
    return AuditEntry(
        at=row.at,
        ledger=row.stream.slug,
        sequence=row.sequence,
        id=event["id"],
        type=event["type"],
        actor=event["actor"],
        request_id=event["request_id"],
        data=event["data"],
        credential=credential,
        address=address,
        user_agent=user_agent,
    )


def _belongs(row: Row, where: AuditFilter) -> bool:
    if where.actor:
        actor = _BEGINNING.match(row.beginning)
        if actor is None or actor.group(1).decode() not in where.actor:
            return False
    if not (where.type or where.type_prefix or where.request_id):
        return True
    ending = _ENDING.search(row.ending)
    if ending is None:
        return False
    request_id, type_name = ending.group(1).decode(), ending.group(2).decode()
    return (
        (not where.type or type_name in where.type)
        and (where.type_prefix is None or type_name.startswith(where.type_prefix))
        and where.request_id in (None, request_id)
    )


def _bound(where: AuditFilter, after: Position | None) -> tuple[datetime, int] | None:
    """Return the time and the log that all of the page comes before, in the order of times and logs."""
    bounds: list[tuple[datetime, int]] = []
    if isinstance(where.at.lt, datetime):
        bounds.append((where.at.lt, 0))
    if isinstance(where.at.lte, datetime):
        bounds.append((where.at.lte, SEQUENCE_MAX))
    if after is not None:
        bounds.append((parse_time(str(after[0])), int(after[1])))
    return min(bounds, default=None)


def _not_before(where: AuditFilter) -> tuple[datetime, bool] | None:
    """Return the earliest time, and whether an event of that time belongs there."""
    bounds = [(where.at.gte, False), (where.at.gt, True)]
    latest = max([(moment, beyond) for moment, beyond in bounds if isinstance(moment, datetime)], default=None)
    return None if latest is None else (latest[0], not latest[1])

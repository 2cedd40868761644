"""The log of an organisation: one event at a time, for what is changed by units of work."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.origin_rows import add_origin
from adapters.postgres.tables import event_log, idempotency_keys, organisations
from application.shared.idempotency import IdempotencyKey
from domain.shared.chain import Author, Fact, Head, Recorded, record


class PostgresOrganisationLog:
    """An organisation's log, inside one unit of work."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def hold(self) -> None:
        """Let nobody else write to the log until this unit of work ends; what else it locks, it locks after this."""
        # The organisation's row is the lock of its log, as a ledger's row is of the ledger's.
        await self._connection.execute(
            select(organisations.c.id)
            .where(organisations.c.id == self._organisation_id)
            .with_for_update(key_share=True)
        )

    async def answered(self, key: IdempotencyKey, *, used_after: datetime) -> dict[str, Any] | None:
        await self._held_head()
        keys = idempotency_keys.c
        query = (
            select(keys.fingerprint, event_log.c.content)
            .join(
                event_log,
                (event_log.c.stream_id == keys.stream_id) & (event_log.c.sequence == keys.first_sequence),
            )
            .where(
                keys.stream_id == self._organisation_id,
                keys.key == key.key,
                keys.used_at > used_after,
            )
        )
        known = (await self._connection.execute(query)).one_or_none()
        if known is None:
            return None
        key.require_same_request(known.fingerprint)
        data: dict[str, Any] = json.loads(known.content)["data"]
        return data

    async def record(
        self, event: Fact, *, id: str, author: Author, now: datetime, key: IdempotencyKey | None = None
    ) -> None:
        head = await self._held_head()
        recorded = record(event, head, id=id, author=author, recorded_at=max(now, head.recorded_at))
        await append_event(self._connection, self._organisation_id, self._organisation_id, recorded, author)
        if key is not None:
            used = {
                "fingerprint": key.fingerprint,
                "first_sequence": recorded.sequence,
                "last_sequence": recorded.sequence,
                "used_at": recorded.recorded_at,
            }
            # A key that is still there and may be used again is one that has outlived its 30 days.
            await self._connection.execute(
                upsert(idempotency_keys)
                .values(organisation_id=self._organisation_id, stream_id=self._organisation_id, key=key.key, **used)
                .on_conflict_do_update(index_elements=["stream_id", "key"], set_=used)
            )

    async def _held_head(self) -> Head:
        await self.hold()
        last = (
            select(event_log.c.sequence, event_log.c.hash, event_log.c.recorded_at)
            .where(event_log.c.stream_id == self._organisation_id)
            .order_by(event_log.c.sequence.desc())
            .limit(1)
        )
        row = (await self._connection.execute(last)).one_or_none()
        return Head() if row is None else Head(row.sequence, row.hash, row.recorded_at)


async def append_event(
    connection: AsyncConnection, organisation_id: int, stream_id: int, recorded: Recorded[Any], author: Author
) -> None:
    """Write one event of any stream, and where it came from, where no group of the journal does."""
    await connection.execute(
        insert(event_log).values(
            organisation_id=organisation_id,
            stream_id=stream_id,
            sequence=recorded.sequence,
            recorded_at=recorded.recorded_at,
            hash=recorded.hash,
            content=recorded.content,
        )
    )
    await add_origin(connection, organisation_id, stream_id, recorded.sequence, author)

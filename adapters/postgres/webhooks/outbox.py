"""The outbox of webhooks on PostgreSQL: each organisation is looked at as itself, and found as nobody."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.failures import is_undone
from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.readers.events import PostgresEvents
from adapters.postgres.webhook_tables import webhook_agenda, webhook_endpoints
from adapters.postgres.webhooks import statements
from adapters.postgres.webhooks.endpoint_rows import endpoint_of
from adapters.postgres.work import tenant_transaction, transaction_of_nobody
from application.ledger.followers import EventFilter, RelayedEvent
from application.ledger.readers import StoredEvent
from application.shared.ports import Ids, StoreUnavailable
from application.webhooks.outbox import DueEvent, Kept, Key, Parcel, Result
from domain.shared.chain import ZERO_HASH
from domain.webhooks.delivery import DeliveryState
from domain.webhooks.endpoint import Endpoint
from domain.webhooks.retries import LONGEST_PAUSE

CURSORS_AT_A_TIME: Final = 16
CURSORS_ADDED_AT_A_TIME: Final = 5_000
EVENTS_AT_A_TIME: Final = 500
# Of one ledger to one endpoint. Beyond it, what is new waits in the log.
PENDING_MAX: Final = 10_000
# So often is what was broken off for others' sake done again.
DEADLOCKS_MAX: Final = 3
PARCEL_EVENTS_MAX: Final = 100
PARCEL_BYTES_MAX: Final = 1024 * 1024


class PostgresOutbox:
    """What is to be sent, of all organisations."""

    def __init__(self, engine: AsyncEngine, ids: Ids, *, lease: timedelta, pending_max: int = PENDING_MAX) -> None:
        self._engine = engine
        self._ids = ids
        self._lease = lease
        self._pending_max = pending_max

    async def organisations(self, due_by: datetime | None) -> Sequence[int]:
        query = select(webhook_agenda.c.organisation_id).order_by(webhook_agenda.c.look_at)
        if due_by is not None:
            query = query.where(webhook_agenda.c.look_at <= due_by)
        async with transaction_of_nobody(self._engine) as connection:
            return list(await connection.scalars(query))

    async def gather(self, organisation_id: int, ledgers: Collection[str] | None, now: datetime) -> bool:
        asked = {"organisation": organisation_id, "slugs": None if ledgers is None else list(ledgers)}
        limits = {"pending_max": self._pending_max, "limit": CURSORS_AT_A_TIME}
        async with tenant_transaction(self._engine, organisation_id) as connection:
            added = await connection.execute(statements.ADD_CURSORS, asked | {"limit": CURSORS_ADDED_AT_A_TIME})
            has_more = added.rowcount == CURSORS_ADDED_AT_A_TIME
            lagging = (await connection.execute(statements.LAGGING, asked | limits)).all()
            if not lagging:
                return has_more
            endpoints = await _endpoints(connection, organisation_id, [row.endpoint_id for row in lagging])
            gathered = _Gathered(PostgresEvents(connection, organisation_id), self._ids)
            for row in lagging:
                await gathered.look(row.endpoint_id, endpoints[row.endpoint_id], row.ledger_id, row.slug, row.sequence)
            if gathered.rows:
                names = ("endpoints", "ledgers", "sequences", "ids", "events", "types")
                columns = dict(zip(names, map(list, zip(*gathered.rows, strict=True)), strict=True))
                new = {"organisation": organisation_id, "now": now, **columns}
                await connection.execute(statements.ADD_DELIVERIES, new)
            seen = [list(column) for column in zip(*gathered.seen, strict=True)]
            advance = dict(zip(("endpoints", "ledgers", "sequences"), seen, strict=True))
            await connection.execute(statements.ADVANCE, {"organisation": organisation_id, **advance})
        return True

    async def claim(
        self, organisation_id: int, now: datetime, *, without: Collection[Key], limit: int
    ) -> Sequence[Parcel]:
        moments = {"now": now, "too_late": now + LONGEST_PAUSE}
        asked = {
            "organisation": organisation_id,
            **moments,
            "busy": [stored_id("whk", endpoint) for endpoint, _ in without],
            "busy_slugs": [slug for _, slug in without],
            "limit": limit,
        }
        parcels = []
        async with tenant_transaction(self._engine, organisation_id) as connection:
            ready = (await connection.execute(statements.READY, asked)).all()
            endpoints = await _endpoints(connection, organisation_id, [row.endpoint_id for row in ready])
            for row in ready:
                key = {"organisation": organisation_id, "endpoint": row.endpoint_id, "ledger": row.ledger_id}
                endpoint = endpoints[row.endpoint_id]
                chosen = await _chosen(connection, key | moments, is_ordered=endpoint.wanted.ordered)
                if chosen:
                    claim = uuid4()
                    lease = {"claim": claim, "lease": self._lease, "sequences": list(chosen)}
                    await connection.execute(statements.LEASE, key | lease)
                    events = await _events(connection, row.ledger_id, chosen)
                    parcels.append(Parcel(organisation_id, endpoint, row.slug, row.ledger_id, claim, events))
        return parcels

    async def keep(self, parcel: Parcel, results: Sequence[Result], now: datetime, *, is_last: bool) -> Kept:
        for _ in range(DEADLOCKS_MAX):
            try:
                return await self._keep(parcel, results, now, is_last=is_last)
            except StoreUnavailable as error:
                if error.__cause__ is None or not is_undone(error.__cause__):
                    raise
        return await self._keep(parcel, results, now, is_last=is_last)

    async def _keep(self, parcel: Parcel, results: Sequence[Result], now: datetime, *, is_last: bool) -> Kept:
        key = {
            "organisation": parcel.organisation_id,
            "endpoint": stored_id("whk", parcel.endpoint.id),
            "ledger": parcel.ledger_id,
            "claim": parcel.claim,
        }
        is_dead = False
        async with tenant_transaction(self._engine, parcel.organisation_id) as connection:
            if results:
                # Before deliveries, as whoever replays or resumes does.
                since = await _failing_since(connection, parcel, results, now)
                kept = await connection.execute(statements.KEEP, key | _columns(results) | {"now": now})
                given_up = [row.first_tried_at for row in kept if row.state == DeliveryState.FAILED.value]
                is_dead = since is not None and any(since <= first for first in given_up)
            if is_last:
                sequences = [event.stored.sequence for event in parcel.events]
                await connection.execute(statements.GIVE_BACK, key | {"sequences": sequences})
        return Kept(is_dead)

    async def rest(self, organisation_id: int) -> None:
        async with tenant_transaction(self._engine, organisation_id) as connection:
            await connection.execute(statements.NEXT_LOOK, {"organisation": organisation_id})
            await connection.execute(statements.FORGET, {"organisation": organisation_id})


@dataclass
class _Gathered:
    """What new events come to: rows of deliveries, and how far ledgers were looked at for endpoints."""

    events: PostgresEvents
    ids: Ids
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    seen: list[tuple[UUID, int, int]] = field(default_factory=list)
    _read: dict[tuple[int, int], Sequence[RelayedEvent]] = field(default_factory=dict)

    async def look(self, key: UUID, endpoint: Endpoint, ledger_id: int, slug: str, after: int) -> None:
        """Look at the next events of a ledger for an endpoint."""
        wanted = EventFilter(frozenset(endpoint.wanted.types), endpoint.wanted.account)
        events = await self._events(ledger_id, slug, after)
        for event in events:
            if wanted.wants(event):
                id = stored_id("dlv", self.ids.new("dlv"))
                event_id = stored_id("evt", json.loads(event.stored.content)["id"])
                self.rows.append((key, ledger_id, event.stored.sequence, id, event_id, event.type))
        self.seen.append((key, ledger_id, events[-1].stored.sequence if events else after))

    async def _events(self, ledger_id: int, slug: str, after: int) -> Sequence[RelayedEvent]:
        # Endpoints that are at the same place have it read once.
        place = (ledger_id, after)
        if place not in self._read:
            stored = await self.events.events(slug, after=after, limit=EVENTS_AT_A_TIME)
            self._read[place] = [RelayedEvent.of(event) for event in stored]
        return self._read[place]


async def _endpoints(connection: AsyncConnection, organisation_id: int, ids: Sequence[UUID]) -> dict[UUID, Endpoint]:
    of = webhook_endpoints.c
    query = select(webhook_endpoints).where(of.organisation_id == organisation_id, of.id.in_(set(ids)))
    return {row["id"]: endpoint_of(row) for row in (await connection.execute(query)).mappings()}


async def _chosen(connection: AsyncConnection, asked: dict[str, Any], *, is_ordered: bool) -> dict[int, int]:
    """Return the next events by sequence, and how often each was tried in vain; not too many, nor too long together."""
    statement = statements.NEXT_IN_ORDER if is_ordered else statements.NEXT_DUE
    chosen: dict[int, int] = {}
    size = 0
    for row in await connection.execute(statement, asked | {"limit": PARCEL_EVENTS_MAX}):
        size += row.bytes
        if not row.is_ready or (chosen and size > PARCEL_BYTES_MAX):
            break
        chosen[row.sequence] = row.attempts
    return chosen


async def _events(connection: AsyncConnection, ledger_id: int, chosen: dict[int, int]) -> list[DueEvent]:
    rows = await connection.execute(statements.CONTENTS, {"ledger": ledger_id, "sequences": list(chosen)})
    stored = {
        row.sequence: StoredEvent(row.sequence, row.content, row.previous_hash or ZERO_HASH, row.hash, row.recorded_at)
        for row in rows
    }
    return [DueEvent(stored[sequence], attempts) for sequence, attempts in chosen.items()]


def _columns(results: Sequence[Result]) -> dict[str, list[Any]]:
    def state(result: Result) -> str:
        if result.answer.is_delivered:
            return DeliveryState.DELIVERED.value
        return DeliveryState.FAILED.value if result.retry_at is None else DeliveryState.PENDING.value

    return {
        "sequences": [result.sequence for result in results],
        "states": [state(result) for result in results],
        "dues": [result.retry_at for result in results],
        "statuses": [result.answer.status for result in results],
        "errors": [result.answer.error for result in results],
    }


async def _failing_since(
    connection: AsyncConnection, parcel: Parcel, results: Sequence[Result], now: datetime
) -> datetime | None:
    """Hold the endpoint, keep whether anything gets through to it, and return since when nothing has."""
    of = webhook_endpoints.c
    ours = (of.organisation_id == parcel.organisation_id, of.id == stored_id("whk", parcel.endpoint.id))
    held = select(of.failing_since).where(*ours).with_for_update(key_share=True)
    before: datetime | None = await connection.scalar(held)
    is_delivered = any(result.answer.is_delivered for result in results)
    since = None if is_delivered else before or now
    if since != before:
        await connection.execute(update(webhook_endpoints).where(*ours).values(failing_since=since))
    return since

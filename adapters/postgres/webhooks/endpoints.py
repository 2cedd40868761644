"""Webhooks of an organisation, inside one unit of work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, exists, func, or_, select, text, tuple_, union_all, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.identity.pages import page_by_id
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.ledger.readers.lookups import ledger_id_of
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.tables import ledgers
from adapters.postgres.webhook_tables import webhook_agenda, webhook_cursors, webhook_deliveries, webhook_endpoints
from adapters.postgres.webhooks.endpoint_rows import endpoint_of, values_of
from application.shared.pagination import Page, PageRequest
from application.webhooks.ports import Place
from domain.ledger.ledger import LedgerNotFound
from domain.webhooks.delivery import Delivery, DeliveryState
from domain.webhooks.endpoint import Endpoint, Wanted

_ID = "whk"
HASTENED_AT_ONCE: Final = 1_000

# These ledgers begin, for an endpoint, with the events after those that there are.
_BEGIN = text("""
INSERT INTO webhook_cursors (organisation_id, endpoint_id, ledger_id, sequence)
SELECT ledgers.organisation_id, :endpoint, ledgers.id, head.sequence
FROM ledgers CROSS JOIN LATERAL (
    SELECT sequence FROM event_log WHERE stream_id = ledgers.id ORDER BY sequence DESC LIMIT 1
) AS head
WHERE ledgers.organisation_id = :organisation AND ledgers.slug = ANY(:slugs)
ON CONFLICT (organisation_id, endpoint_id, ledger_id) DO UPDATE SET sequence = excluded.sequence
""")


class PostgresWebhooks:
    """What can be read and changed of an organisation's webhooks."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self.log = PostgresOrganisationLog(connection, organisation_id)
        self.endpoints = PostgresEndpoints(connection, organisation_id)
        self.deliveries = PostgresDeliveries(connection, organisation_id)
        self.cursors = PostgresCursors(connection, organisation_id)


class PostgresEndpoints:
    """The endpoints, but for those that were deleted."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._ours = (webhook_endpoints.c.organisation_id == organisation_id, webhook_endpoints.c.deleted_at.is_(None))

    async def page(self, page: PageRequest) -> Page[Endpoint]:
        is_there = webhook_endpoints.c.deleted_at.is_(None)
        rows, after = await page_by_id(
            self._connection, webhook_endpoints, "id", self._organisation_id, page, prefix=_ID, where=[is_there]
        )
        return Page([endpoint_of(row) for row in rows], after)

    async def get(self, id: str) -> Endpoint | None:
        return await self._found(self._is(id))

    async def count(self) -> int:
        query = select(func.count()).select_from(webhook_endpoints).where(*self._ours)
        return (await self._connection.execute(query)).scalar_one()

    async def held(self, id: str) -> Endpoint | None:
        return await self._found(self._is(id).with_for_update())

    async def put(self, endpoint: Endpoint) -> None:
        key = {"organisation_id": self._organisation_id, "id": stored_id(_ID, endpoint.id)}
        values = values_of(endpoint)
        await self._connection.execute(
            upsert(webhook_endpoints)
            .values(**key, **values)
            .on_conflict_do_update(index_elements=["organisation_id", "id"], set_=values)
        )

    def _is(self, id: str) -> Select[Any]:
        return select(webhook_endpoints).where(*self._ours, webhook_endpoints.c.id == stored_id(_ID, id))

    async def _found(self, query: Select[Any]) -> Endpoint | None:
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else endpoint_of(row)


class PostgresDeliveries:
    """Deliveries, and which ledgers they are of."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def page(self, endpoint: str, page: PageRequest, states: Sequence[DeliveryState]) -> Page[Delivery]:
        of, id = webhook_deliveries.c, webhook_deliveries.c.id
        after = None if page.after is None else stored_id("dlv", str(page.after[0]))
        # The index has those of each state in order.
        parts = []
        for state in states or tuple(DeliveryState):
            part = select(webhook_deliveries).where(
                of.organisation_id == self._organisation_id,
                of.endpoint_id == stored_id(_ID, endpoint),
                of.state == state.value,
            )
            if after is not None:
                part = part.where(id < after if page.is_descending else id > after)
            parts.append(part.order_by(id.desc() if page.is_descending else id).limit(page.limit + 1).subquery())
        found = union_all(*[select(part) for part in parts]).subquery()
        query = (
            select(found, ledgers.c.slug)
            .join(ledgers, (ledgers.c.organisation_id == found.c.organisation_id) & (ledgers.c.id == found.c.ledger_id))
            .order_by(found.c.id.desc() if page.is_descending else found.c.id)
            .limit(page.limit + 1)
        )
        rows = (await self._connection.execute(query)).mappings().all()
        items = [
            Delivery(
                id=outward_id("dlv", row["id"]),
                ledger=row["slug"],
                sequence=row["sequence"],
                event=outward_id("evt", row["event_id"]),
                type=row["type"],
                state=DeliveryState(row["state"]),
                attempts=row["attempts"],
                created_at=row["created_at"],
                due_at=row["due_at"] if row["state"] == DeliveryState.PENDING.value else None,
                finished_at=row["finished_at"],
                status=row["status"],
                error=row["error"],
            )
            for row in rows[: page.limit]
        ]
        return Page(items, (items[-1].id,) if len(rows) > page.limit else None)


class PostgresCursors:
    """Cursors, and the deliveries that follow from where they stand."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def begin(self, endpoint: Endpoint, before: Wanted | None) -> None:
        query = select(ledgers.c.id, ledgers.c.slug).where(ledgers.c.organisation_id == self._organisation_id)
        about = {id: slug for id, slug in await self._connection.execute(query) if endpoint.wanted.is_of_ledger(slug)}
        key = stored_id(_ID, endpoint.id)
        of, of_delivery = webhook_cursors.c, webhook_deliveries.c
        # What waits is found by its cursor.
        has_waiting = exists().where(
            of_delivery.organisation_id == of.organisation_id,
            of_delivery.endpoint_id == of.endpoint_id,
            of_delivery.ledger_id == of.ledger_id,
            of_delivery.state == DeliveryState.PENDING.value,
        )
        await self._connection.execute(
            delete(webhook_cursors).where(
                of.organisation_id == self._organisation_id,
                of.endpoint_id == key,
                of.ledger_id.not_in(list(about)),
                ~has_waiting,
            )
        )
        new = [slug for slug in about.values() if before is None or not before.is_of_ledger(slug)]
        values = {"organisation": self._organisation_id, "endpoint": key, "slugs": new}
        await self._connection.execute(_BEGIN, values)

    async def rewind(self, endpoint: Endpoint, ledger: str, after: int) -> bool:
        try:
            ledger_id = await ledger_id_of(self._connection, self._organisation_id, ledger)
        except LedgerNotFound:
            return False
        key = {
            "organisation_id": self._organisation_id,
            "endpoint_id": stored_id(_ID, endpoint.id),
            "ledger_id": ledger_id,
        }
        # What was never looked at is not left out. Whoever gathers holds the cursor, too, before it writes deliveries.
        at = func.least(webhook_cursors.c.sequence, after)
        await self._connection.execute(
            upsert(webhook_cursors)
            .values(**key, sequence=0)
            .on_conflict_do_update(index_elements=[*key], set_={"sequence": at})
        )
        of = webhook_deliveries.c
        await self._connection.execute(
            delete(webhook_deliveries).where(
                *[of[name] == value for name, value in key.items()],
                of.state == DeliveryState.PENDING.value,
                of.sequence > after,
            )
        )
        return True

    async def hasten(self, endpoint: Endpoint, now: datetime, *, after: Place) -> Place | None:
        of, key = webhook_deliveries.c, stored_id(_ID, endpoint.id)
        place = tuple_(of.ledger_id, of.sequence)
        waiting = (
            of.organisation_id == self._organisation_id,
            of.endpoint_id == key,
            of.state == DeliveryState.PENDING.value,
            place > tuple_(*after),
        )
        part = select(of.ledger_id, of.sequence).where(*waiting).order_by(of.ledger_id, of.sequence)
        found = (await self._connection.execute(part.limit(HASTENED_AT_ONCE))).all()
        if not found:
            return None
        last: Place = (found[-1].ledger_id, found[-1].sequence)
        # Whoever takes deliveries holds their cursor, too.
        held = select(webhook_cursors.c.ledger_id).where(
            webhook_cursors.c.organisation_id == self._organisation_id,
            webhook_cursors.c.endpoint_id == key,
            webhook_cursors.c.ledger_id.between(found[0].ledger_id, last[0]),
        )
        await self._connection.execute(held.with_for_update())
        await self._connection.execute(
            update(webhook_deliveries)
            .where(*waiting, place <= tuple_(*last), or_(of.due_at > now, of.attempts > 0))
            .values(due_at=now, attempts=0, first_tried_at=None)
        )
        return last

    async def call(self, now: datetime) -> None:
        await self._connection.execute(
            upsert(webhook_agenda)
            .values(organisation_id=self._organisation_id, look_at=now)
            .on_conflict_do_update(index_elements=["organisation_id"], set_={"look_at": now})
        )

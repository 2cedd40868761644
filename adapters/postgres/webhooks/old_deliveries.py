"""Deliveries that were over long ago, which nobody looks at any more."""

from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.webhook_tables import webhook_cursors, webhook_deliveries, webhook_endpoints
from adapters.postgres.work import tenant_transaction
from domain.webhooks.delivery import DeliveryState


class PostgresOldDeliveries:
    """Removes them, the oldest first, by the index that lists them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def remove(self, organisation_id: int, before: datetime, limit: int) -> int:
        of, of_endpoint = webhook_deliveries.c, webhook_endpoints.c
        removed = 0
        async with tenant_transaction(self._engine, organisation_id) as connection:
            endpoints = select(of_endpoint.id, of_endpoint.deleted_at).where(
                of_endpoint.organisation_id == organisation_id
            )
            for id, deleted_at in (await connection.execute(endpoints)).all():
                is_gone = deleted_at is not None and deleted_at < before
                for state in DeliveryState:
                    if state is DeliveryState.PENDING and not is_gone:
                        continue
                    ours = (of.organisation_id == organisation_id, of.endpoint_id == id)
                    oldest = (
                        select(of.ledger_id, of.sequence, of.created_at)
                        .where(*ours, of.state == state.value)
                        .order_by(of.id)
                        .limit(max(0, limit - removed))
                        .subquery()
                    )
                    is_old = exists().where(
                        oldest.c.ledger_id == of.ledger_id,
                        oldest.c.sequence == of.sequence,
                        oldest.c.created_at < before,
                    )
                    removed += (await connection.execute(delete(webhook_deliveries).where(*ours, is_old))).rowcount
                if is_gone:
                    of_it = (webhook_cursors.c.organisation_id == organisation_id, webhook_cursors.c.endpoint_id == id)
                    await connection.execute(delete(webhook_cursors).where(*of_it))
                    await connection.execute(
                        delete(webhook_endpoints).where(
                            of_endpoint.organisation_id == organisation_id,
                            of_endpoint.id == id,
                            ~exists().where(of.organisation_id == organisation_id, of.endpoint_id == id),
                        )
                    )
        return removed

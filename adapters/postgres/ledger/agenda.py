"""The agenda on PostgreSQL, which journals fill in as holds are placed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.tables import agenda, ledgers
from adapters.postgres.work import tenant_view, transaction_of_nobody
from application.ledger.expiry import Due
from application.ledger.ports import LedgerAddress

_EXPIRY: Final = "expiry"


class PostgresAgenda:
    """What is due in a database: read and struck out as nobody, and looked up as the organisation that it is of."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def due_expiries(self, now: datetime, *, after: Due | None, limit: int) -> Sequence[Due]:
        of = agenda.c
        place = tuple_(of.due_at, of.kind, of.organisation_id, of.ledger_id)
        query = select(of.due_at, of.organisation_id, of.ledger_id).where(of.kind == _EXPIRY, of.due_at <= now)
        if after is not None:
            query = query.where(place > tuple_(after.due_at, _EXPIRY, after.organisation_id, after.ledger_id))
        query = query.order_by(of.due_at, of.kind, of.organisation_id, of.ledger_id).limit(limit)
        async with transaction_of_nobody(self._engine) as connection:
            return [Due(*row) for row in await connection.execute(query)]

    async def address(self, due: Due) -> LedgerAddress | None:
        query = select(ledgers.c.slug).where(
            ledgers.c.organisation_id == due.organisation_id, ledgers.c.id == due.ledger_id
        )
        async with tenant_view(self._engine, due.organisation_id) as connection:
            slug: str | None = await connection.scalar(query)
        return None if slug is None else LedgerAddress(due.organisation_id, slug)

    async def strike(self, due: Due, until: datetime) -> None:
        of = agenda.c
        async with transaction_of_nobody(self._engine) as connection:
            await connection.execute(
                delete(agenda).where(
                    of.due_at <= until,
                    of.kind == _EXPIRY,
                    of.organisation_id == due.organisation_id,
                    of.ledger_id == due.ledger_id,
                )
            )

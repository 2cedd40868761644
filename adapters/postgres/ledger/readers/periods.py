"""Periods that are closed, or were."""

from collections.abc import Sequence
from itertools import count, takewhile
from typing import Any

from sqlalchemy import RowMapping, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.keyset import Keyset
from adapters.postgres.ledger.readers.lookups import bigints, ledger_id_of
from adapters.postgres.tables import periods, transactions
from application.ledger.period_reader import PeriodView
from application.shared.pagination import Page, PageRequest
from domain.ledger.closing import CLOSING_TRANSACTIONS_MAX
from domain.ledger.period import Period
from domain.ledger.transaction import TransactionKind
from domain.shared.errors import NotFound


class PostgresPeriods:
    """Reads periods, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def period(self, slug: str, id: str) -> PeriodView:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        stored = stored_id("prd", id)
        query = select(periods).where(periods.c.ledger_id == ledger_id, periods.c.id == stored)
        row = None if stored is None else (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no period {id!r} in this ledger.")
        (view,) = await self._views(ledger_id, [row])
        return view

    async def periods(self, slug: str, page: PageRequest) -> Page[PeriodView]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        # Recorded times never go back in a ledger, so that the order of the log is that of the times of closing.
        keyset = Keyset(({"closed_at": periods.c.sequence}[page.field],), page.is_descending)
        query = (
            select(periods)
            .where(periods.c.ledger_id == ledger_id, keyset.beyond(page.after))
            .order_by(*keyset.order())
            .limit(page.limit + 1)
        )
        rows = (await self._connection.execute(query)).mappings().all()
        shown = rows[: page.limit]
        next_after = (shown[-1]["sequence"],) if len(rows) > page.limit else None
        return Page(await self._views(ledger_id, shown), next_after)

    async def _views(self, ledger_id: int, rows: Sequence[RowMapping]) -> list[PeriodView]:
        closing = await self._closing_transactions(ledger_id, [row["sequence"] for row in rows])
        return [_view(row, closing[row["sequence"]]) for row in rows]

    async def _closing_transactions(self, ledger_id: int, sequences: Sequence[int]) -> dict[int, list[str]]:
        """Return the ids of the closing transactions of the periods of these sequences: they come right before."""
        wanted = bigints(sequences)
        posted = (
            select(transactions.c.sequence, transactions.c.id, transactions.c.kind, transactions.c.reverses)
            .where(
                transactions.c.ledger_id == ledger_id,
                transactions.c.sequence < wanted.c.item,
                transactions.c.sequence >= wanted.c.item - CLOSING_TRANSACTIONS_MAX,
            )
            .order_by(transactions.c.sequence.desc())
            .limit(CLOSING_TRANSACTIONS_MAX)
            .lateral("posted")
        )
        query = select(wanted.c.item, posted).select_from(wanted.join(posted, literal(True)))
        before: dict[int, list[tuple[int, Any]]] = {sequence: [] for sequence in sequences}
        for of_period, sequence, id, kind, reverses in await self._connection.execute(query):
            # A reversal of a closing transaction is of the same kind, and closes nothing.
            if kind == TransactionKind.CLOSING.value and reverses is None:
                before[of_period].append((sequence, id))
        return {sequence: _right_before(sequence, found) for sequence, found in before.items()}


def _right_before(sequence: int, found: Sequence[tuple[int, Any]]) -> list[str]:
    """Return the ids of those that end at the sequence, one after the other; others are of an earlier closing."""
    in_a_row = takewhile(
        lambda pair: pair[0][0] == pair[1], zip(sorted(found, reverse=True), count(sequence - 1, -1), strict=False)
    )
    return [outward_id("txn", id) for (_, id), _ in in_a_row][::-1]


def _view(row: RowMapping, closing_transactions: Sequence[str]) -> PeriodView:
    period = Period(
        outward_id("prd", row["id"]),
        row["starts_on"],
        row["starts_at"],
        row["ends_on"],
        row["ends_at"],
        row["is_closed"],
    )
    return PeriodView(
        period, row["reason"], row["closed_at"], row["reopened_at"], row["reopen_reason"], closing_transactions
    )

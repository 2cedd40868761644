"""Transactions, with their entries and the balances that each entry left."""

from collections.abc import Sequence
from functools import cache
from itertools import takewhile
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.hold_tables import holds
from adapters.postgres.ids import outward_id
from adapters.postgres.keyset import Budget, page_of
from adapters.postgres.ledger.readers.filters import equals
from adapters.postgres.ledger.readers.history import HISTORY, line_of
from adapters.postgres.ledger.readers.links import id_at, ids_linked, sequence_of
from adapters.postgres.ledger.readers.lookups import LEDGER_ID, account_rows, assets_of, given, ledger_id_of
from adapters.postgres.ledger.readers.transaction_search import search_transactions
from adapters.postgres.ledger.rows import account_of
from adapters.postgres.tables import entries, transactions
from application.ledger.readers import TransactionFilter, TransactionView
from application.shared.pagination import Page, PageRequest
from domain.ledger.effect import Line
from domain.ledger.transaction import ENTRIES_MAX, TransactionKind
from domain.shared.errors import NotFound


class PostgresTransactions:
    """Reads transactions, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int, rows_max: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._rows_max = rows_max

    async def transaction(self, slug: str, id: str) -> TransactionView:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        sequence = await sequence_of(self._connection, transactions, ledger_id, "txn", id)
        if sequence is None:
            raise NotFound(f"There is no transaction {id!r} in this ledger.")
        (view,) = await self._views(ledger_id, [sequence])
        return view

    async def transactions(self, slug: str, where: TransactionFilter, page: PageRequest) -> Page[TransactionView]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        found = await search_transactions(self._connection, ledger_id, where, page, Budget(self._rows_max))
        views = await self._views(ledger_id, [candidate.number for candidate in found.items])
        return page_of(views, found)

    async def at(self, ledger_id: int, sequences: Sequence[int]) -> list[TransactionView]:
        """Return the transactions of these sequences, all of them."""
        views: list[TransactionView] = []
        while len(views) < len(sequences):
            views += await self._views(ledger_id, sequences[len(views) :])
        return views

    async def _views(self, ledger_id: int, sequences: Sequence[int]) -> list[TransactionView]:
        """Return the transactions of these sequences, as far as there is room for their entries."""
        lines = await self._lines(ledger_id, sequences)
        rows = (await self._connection.execute(_found(), {"ledger_id": ledger_id, "wanted": list(lines)})).mappings()
        return [
            TransactionView(
                id=outward_id("txn", row["id"]),
                sequence=row["sequence"],
                kind=TransactionKind(row["kind"]),
                reference=row["reference"],
                description=row["description"],
                effective_at=row["effective_at"],
                recorded_at=row["recorded_at"],
                metadata=row["metadata"],
                version=row["version"],
                entries=lines[row["sequence"]],
                hold=None if row["hold_id"] is None else outward_id("hold", row["hold_id"]),
                reverses=None if row["reversed_id"] is None else outward_id("txn", row["reversed_id"]),
                reversed_by=tuple(outward_id("txn", reversing) for reversing in row["reversing_ids"]),
            )
            for row in rows
        ]

    async def _lines(self, ledger_id: int, sequences: Sequence[int]) -> dict[int, list[Line]]:
        """Return the lines of the transactions in order, without those of the last ones where they are too many.

        A page of large transactions ends early, so that its size in memory is bounded; it has one at least.
        """
        values = {"ledger_id": ledger_id, "wanted": list(sequences), "rows_max": self._rows_max}
        rows = (await self._connection.execute(_found_lines(), values)).mappings().all()
        account = await account_rows(self._connection, ledger_id, {row["account_number"] for row in rows})
        accounts = {number: account_of(row) for number, row in account.items()}
        assets = await assets_of(self._connection, ledger_id, {row["asset"] for row in rows})
        lines: dict[int, list[Line]] = {}
        for row in reversed(rows):
            of_transaction = lines.setdefault(row["sequence"], [])
            of_transaction.append(line_of(row, accounts[row["account_number"]], assets[row["asset"]]))
        complete = {row["sequence"] for row in rows if row["position"] == 0}
        return {sequence: lines[sequence] for sequence in takewhile(complete.__contains__, sequences)}


@cache
def _found() -> Select[Any]:
    wanted = given("wanted", BigInteger())
    found = (
        select(transactions)
        .where(transactions.c.ledger_id == LEDGER_ID, *equals(transactions.c.sequence, wanted.c.item))
        .order_by(transactions.c.sequence)
        .limit(1)
        .lateral("found")
    )
    links = (
        id_at(holds, LEDGER_ID, found.c.hold_sequence).label("hold_id"),
        id_at(transactions, LEDGER_ID, found.c.reverses).label("reversed_id"),
        ids_linked("reverses", LEDGER_ID, found.c.sequence).label("reversing_ids"),
    )
    return select(found, *links).select_from(wanted.join(found, literal(True))).order_by(wanted.c.place)


@cache
def _found_lines() -> Select[Any]:
    wanted = given("wanted", BigInteger())
    # The first entry comes last: once that is seen, all were, in whichever order the transactions are read.
    line = (
        select(*HISTORY)
        .where(entries.c.ledger_id == LEDGER_ID, entries.c.sequence == wanted.c.item)
        .order_by(entries.c.position.desc())
        .limit(ENTRIES_MAX)
        .lateral("line")
    )
    return select(line).select_from(wanted.join(line, literal(True))).limit(bindparam("rows_max"))

"""Holds, with their entries and what is left of each."""

from collections.abc import Sequence
from itertools import takewhile

from sqlalchemy import RowMapping, Text, cast, literal, select
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.hold_tables import hold_entries, holds, remainders
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.keyset import Budget, page_of
from adapters.postgres.ledger.readers.filters import equals
from adapters.postgres.ledger.readers.hold_search import search_holds
from adapters.postgres.ledger.readers.links import ids_linked, sequence_of
from adapters.postgres.ledger.readers.lookups import account_rows, assets_of, bigints, ledger_id_of, unnested
from application.ledger.hold_reader import HoldFilter, HoldView
from application.shared.pagination import Page, PageRequest
from domain.ledger.hold import Hold, HoldStatus
from domain.ledger.transaction import ENTRIES_MAX, Direction, Entry, sides_of
from domain.shared.errors import NotFound

# An entry, and what is left of its side, if anything was taken from that.
_HeldEntry = tuple[Entry, int | None]


class PostgresHolds:
    """Reads holds, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int, rows_max: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._rows_max = rows_max

    async def hold(self, slug: str, id: str) -> HoldView:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        sequence = await sequence_of(self._connection, holds, ledger_id, "hold", id)
        if sequence is None:
            raise NotFound(f"There is no hold {id!r} in this ledger.")
        (view,) = await self._views(ledger_id, [sequence])
        return view

    async def holds(self, slug: str, where: HoldFilter, page: PageRequest) -> Page[HoldView]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        found = await search_holds(self._connection, ledger_id, where, page, Budget(self._rows_max))
        views = await self._views(ledger_id, [candidate.number for candidate in found.items])
        return page_of(views, found)

    async def named(self, slug: str, ids: Sequence[str]) -> dict[str, HoldView]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        stored = [each for each in (stored_id("hold", id) for id in ids) if each is not None]
        wanted = unnested(stored, UUID(as_uuid=True))
        found = (
            select(holds.c.sequence)
            .where(holds.c.ledger_id == ledger_id, *equals(holds.c.id, wanted.c.item))
            .order_by(holds.c.id)
            .limit(1)
            .lateral("found")
        )
        query = select(found.c.sequence).select_from(wanted.join(found, literal(True))).distinct()
        sequences = (await self._connection.scalars(query)).all()
        views: list[HoldView] = []
        while len(views) < len(sequences):
            views += await self._views(ledger_id, sequences[len(views) :])
        return {view.hold.id: view for view in views}

    async def _views(self, ledger_id: int, sequences: Sequence[int]) -> list[HoldView]:
        """Return the holds of these sequences, as far as there is room for their entries."""
        lines = await self._lines(ledger_id, sequences)
        wanted = bigints(list(lines))
        found = (
            select(holds)
            .where(holds.c.ledger_id == ledger_id, *equals(holds.c.sequence, wanted.c.item))
            .order_by(holds.c.sequence)
            .limit(1)
            .lateral("found")
        )
        captures = ids_linked("hold_sequence", ledger_id, found.c.sequence).label("captures")
        query = select(found, captures).select_from(wanted.join(found, literal(True))).order_by(wanted.c.place)
        rows = (await self._connection.execute(query)).mappings()
        return [_view(row, lines[row["sequence"]]) for row in rows]

    async def _lines(self, ledger_id: int, sequences: Sequence[int]) -> dict[int, list[_HeldEntry]]:
        """Return the entries of the holds in order, without those of the last ones where they are too many.

        A page of large holds ends early, so that its size in memory is bounded; it has one at least.
        """
        wanted = bigints(sequences)
        entry = (
            select(hold_entries)
            .where(hold_entries.c.ledger_id == ledger_id, hold_entries.c.sequence == wanted.c.item)
            .order_by(hold_entries.c.position.desc())
            .limit(ENTRIES_MAX)
            .lateral("entry")
        )
        last = (
            select(remainders.c.remaining)
            .where(
                remainders.c.ledger_id == ledger_id,
                remainders.c.of_sequence == entry.c.sequence,
                remainders.c.account_number == entry.c.account_number,
                remainders.c.is_debit == entry.c.is_debit,
                remainders.c.asset == entry.c.asset,
            )
            .order_by(remainders.c.sequence.desc())
            .limit(1)
            .scalar_subquery()
        )
        side = (entry.c.sequence, entry.c.account_number, entry.c.is_debit, entry.c.asset)
        columns = (*side, entry.c.position, cast(entry.c.amount, Text).label("amount"))
        query = (
            select(*columns, cast(last, Text).label("left"))
            .select_from(wanted.join(entry, literal(True)))
            .limit(self._rows_max)
        )
        rows = (await self._connection.execute(query)).mappings().all()
        account = await account_rows(self._connection, ledger_id, {row["account_number"] for row in rows})
        assets = await assets_of(self._connection, ledger_id, {row["asset"] for row in rows})
        lines: dict[int, list[_HeldEntry]] = {}
        for row in reversed(rows):
            direction = Direction.DEBIT if row["is_debit"] else Direction.CREDIT
            path = account[row["account_number"]]["path"]
            entry_of_row = Entry(path, direction, int(row["amount"]), assets[row["asset"]])
            left = None if row["left"] is None else int(row["left"])
            lines.setdefault(row["sequence"], []).append((entry_of_row, left))
        complete = {row["sequence"] for row in rows if row["position"] == 0}
        return {sequence: lines[sequence] for sequence in takewhile(complete.__contains__, sequences)}


def _view(row: RowMapping, lines: Sequence[_HeldEntry]) -> HoldView:
    entries = tuple(entry for entry, _ in lines)
    left = sides_of(entries)
    for entry, of_side in lines:
        if of_side is not None:
            left[entry.account, entry.direction, entry.asset.code] = of_side
    hold = Hold(
        number=row["sequence"],
        id=outward_id("hold", row["id"]),
        entries=entries,
        left=left,
        expires_at=row["expires_at"],
        reference=row["reference"],
        description=row["description"],
        metadata=row["metadata"],
        status=HoldStatus(row["status"]),
    )
    captures = tuple(outward_id("txn", capture) for capture in row["captures"])
    return HoldView(hold, row["placed_at"], row["closed_at"], captures)

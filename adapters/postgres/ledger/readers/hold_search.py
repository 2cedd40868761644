"""The search for one page of a ledger's holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Table, Text, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.hold_tables import hold_entries, holds
from adapters.postgres.keyset import Budget, Candidate, Keyset, Source, Verdict, Window, accept, given, walk
from adapters.postgres.ledger.readers.entry_filter import EntryFilter
from adapters.postgres.ledger.readers.filters import SmallSet, equals, small_set, smallest, under, within
from adapters.postgres.ledger.readers.lookups import account_number, bigints, sequences_within, unnested
from application.ledger.hold_reader import HoldFilter
from application.ledger.spans import Span
from application.shared.pagination import Page, PageRequest, Position
from domain.ledger.hold import HoldStatus
from domain.shared.errors import ValidationFailed
from domain.shared.text import is_storable

REFERENCES_MAX: Final = 1_000
# To judge a hold by its entries takes its own row and usually two or three of theirs.
ROWS_BY_ENTRIES: Final = 4


async def search_holds(
    connection: AsyncConnection, ledger_id: int, where: HoldFilter, page: PageRequest, budget: Budget
) -> Page[Candidate]:
    """Return which holds are on the page, by their sequences."""
    if len(where.reference) > REFERENCES_MAX:
        raise ValidationFailed(f"At most {REFERENCES_MAX:,} references can be asked for at once.")
    if not all(is_storable(text) for text in (*where.status, *where.reference)):
        return Page([], None)
    sequences = await sequences_within(connection, ledger_id, where.placed_at, where.sequence)
    number = None
    if where.account is not None and where.account.is_exact:
        number = await account_number(connection, ledger_id, where.account.text)
        if number is None:
            return Page([], None)
    by_entries = EntryFilter(connection, ledger_id, where.account, number, None, hold_entries)
    return await _HoldSearch(connection, ledger_id, where, page, sequences, by_entries).page(budget)


@dataclass(frozen=True, slots=True)
class _HoldSearch:
    """What is looked for, where, and in which order, which is always that of the sequences."""

    connection: AsyncConnection
    ledger_id: int
    where: HoldFilter
    request: PageRequest
    sequences: tuple[int, int]
    by_entries: EntryFilter

    async def page(self, budget: Budget) -> Page[Candidate]:
        """Return which holds are on the page."""
        few = await self._few(budget)
        if few is not None:
            keyset = Keyset((holds.c.sequence,), self.request.is_descending)
            source, judge, by_entries = given(await self._fitting(few), keyset), accept, self.by_entries.judge
        elif self.by_entries.number is not None:
            source = self._in_order(hold_entries, hold_entries.c.account_number, self.by_entries.number)
            return await walk(self.request, budget, source, self._judge)
        else:
            is_of_status = len(self.where.status) == 1
            leading = holds.c.status if is_of_status else holds.c.ledger_id
            value = self.where.status[0] if is_of_status else self.ledger_id
            source, judge, by_entries = self._in_order(holds, leading, value), self._judge, self._judge_both
        if self.by_entries.restricts:
            return await walk(self.request, budget, source, by_entries, ROWS_BY_ENTRIES)
        return await walk(self.request, budget, source, judge)

    async def _few(self, budget: Budget) -> Sequence[int] | None:
        """Return all holds that one of the filters leaves, if those are few."""
        where, of_ledger = self.where, select(holds.c.sequence).where(holds.c.ledger_id == self.ledger_id)
        if where.reference:
            return await self._referred()
        sets: list[SmallSet] = []
        if self.by_entries.restricts:
            sets.append(self.by_entries.small_set())
        if where.expires_at != Span() and list(where.status) == [HoldStatus.OPEN.value]:
            # As a literal: it is what the index of holds that can expire is limited to.
            is_open = holds.c.status == literal(HoldStatus.OPEN.value, literal_execute=True)
            due = of_ledger.where(
                is_open, holds.c.expires_at.is_not(None), *within(holds.c.expires_at, where.expires_at)
            )
            sets.append(small_set(self.connection, due.order_by(holds.c.expires_at)))
        if len(where.status) == 1:
            of_status = under(holds.c.status, where.status[0], holds.c.sequence, *self.sequences)
            sets.append(
                small_set(self.connection, of_ledger.where(*of_status).order_by(holds.c.status, holds.c.sequence))
            )
        if len(sets) == 1 and (self.by_entries.number is not None or not self.by_entries.restricts):
            return None  # these are what an index has in just this order, few or not
        return await smallest(sets, budget) if sets else None

    async def _referred(self) -> Sequence[int]:
        """Return the holds of the references that are asked for."""
        wanted = unnested(self.where.reference, Text())
        of_reference = equals(holds.c.reference, wanted.c.item)
        found = (
            select(holds.c.sequence)
            .where(holds.c.ledger_id == self.ledger_id, holds.c.reference.is_not(None), *of_reference)
            .order_by(holds.c.reference)
            .limit(1)
            .lateral("found")
        )
        query = select(found.c.sequence).select_from(wanted.join(found, literal(True)))
        return sorted(set((await self.connection.scalars(query)).all()))

    def _in_order(self, table: Table, leading: ColumnElement[Any], value: object) -> Source:
        """Return the holds of one value of a column that an index begins with, in the list's order.

        Each comes once, however many of its entries have that value.
        """
        sequence = table.c.sequence
        query = select(sequence).where(table.c.ledger_id == self.ledger_id)
        order = Keyset((leading, sequence), self.request.is_descending).order()

        async def source(after: Position | None, size: int, budget: Budget) -> Window:
            lowest, highest = self.sequences
            if after is not None:
                last = int(after[0])
                lowest, highest = (lowest, last - 1) if self.request.is_descending else (last + 1, highest)
            page = query.where(*under(leading, value, sequence, lowest, highest)).order_by(*order).limit(size)
            found = (await self.connection.scalars(page)).all()
            budget.spend(len(found))
            return Window([Candidate((each,), each) for each in dict.fromkeys(found)], len(found) < size)

        return source

    async def _judge(self, candidates: Sequence[Candidate], budget: Budget) -> Verdict:
        """Let those pass whose own rows fit the filters."""
        if not self._conditions(holds):
            return await accept(candidates, budget)
        fitting = {each.number for each in await self._fitting([each.number for each in candidates])}
        return Verdict([each for each in candidates if each.number in fitting], len(candidates))

    async def _judge_both(self, candidates: Sequence[Candidate], budget: Budget) -> Verdict:
        """Let those pass whose own rows and entries fit the filters."""
        fitting = (await self._judge(candidates, budget)).matches
        verdict = await self.by_entries.judge(fitting, budget)
        if verdict.examined == len(fitting):
            return Verdict(verdict.matches, len(candidates))
        return Verdict(verdict.matches, candidates.index(fitting[verdict.examined]))

    async def _fitting(self, sequences: Sequence[int]) -> list[Candidate]:
        """Return those of the holds whose own rows fit the filters, all of them."""
        wanted = bigints(sequences)
        found = (
            select(holds.c.sequence, holds.c.status, holds.c.reference, holds.c.expires_at)
            .where(holds.c.ledger_id == self.ledger_id, *equals(holds.c.sequence, wanted.c.item))
            .order_by(holds.c.sequence)
            .limit(1)
            .lateral("found")
        )
        # The conditions stand outside of the look-up, which could go by another index otherwise.
        query = (
            select(found.c.sequence)
            .select_from(wanted.join(found, literal(True)))
            .where(*self._conditions(found), self._in_range(found.c.sequence))
        )
        return [Candidate((each,), each) for each in await self.connection.scalars(query)]

    def _conditions(self, found: FromClause) -> list[ColumnElement[bool]]:
        where, row = self.where, found.c
        conditions = within(row.expires_at, where.expires_at)
        if where.status:
            conditions.append(row.status.in_(where.status))
        if where.reference:
            conditions.append(row.reference.in_(where.reference))
        return conditions

    def _in_range(self, sequence: ColumnElement[int]) -> ColumnElement[bool]:
        return sequence.between(*self.sequences)

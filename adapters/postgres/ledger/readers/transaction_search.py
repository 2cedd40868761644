"""The search for one page of a ledger's transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.hold_tables import holds
from adapters.postgres.keyset import Budget, Candidate, Keyset, Source, Verdict, Window, accept, given, position, walk
from adapters.postgres.ledger.readers.entry_filter import EntryFilter
from adapters.postgres.ledger.readers.filters import (
    SmallSet,
    begins_with,
    equals,
    has_metadata,
    of_metadata,
    small_set,
    smallest,
    under,
    within,
)
from adapters.postgres.ledger.readers.history import LAST_PLACE, AccountHistory
from adapters.postgres.ledger.readers.links import sequence_of
from adapters.postgres.ledger.readers.lookups import account_number, bigints, sequences_within
from adapters.postgres.tables import metadata_values, transactions
from application.ledger.readers import TransactionFilter
from application.ledger.spans import Span
from application.shared.pagination import Page, PageRequest, Position
from domain.shared.errors import ValidationFailed
from domain.shared.text import is_storable

REFERENCES_MAX: Final = 1_000
# To judge a transaction by its entries takes its own row and usually two or three of theirs.
ROWS_BY_ENTRIES: Final = 4


async def search_transactions(
    connection: AsyncConnection, ledger_id: int, where: TransactionFilter, page: PageRequest, budget: Budget
) -> Page[Candidate]:
    """Return which transactions are on the page, by their sequences."""
    if len(where.reference) > REFERENCES_MAX:
        raise ValidationFailed(f"At most {REFERENCES_MAX:,} references can be asked for at once.")
    named = (where.asset, where.reference_prefix, *where.reference, *where.metadata.keys(), *where.metadata.values())
    if not all(is_storable(text) for text in named if text is not None):
        return Page([], None)
    by_sequence = (transactions.c.sequence,)
    columns = {
        "sequence": by_sequence,
        "recorded_at": by_sequence,
        "effective_at": (transactions.c.effective_at, transactions.c.sequence),
    }
    keyset = Keyset(columns[page.field], page.is_descending)
    sequences = await sequences_within(connection, ledger_id, where.recorded_at, where.sequence)
    number = None
    if where.account is not None and where.account.is_exact:
        number = await account_number(connection, ledger_id, where.account.text)
        if number is None:
            return Page([], None)
    by_entries = EntryFilter(connection, ledger_id, where.account, number, where.asset)
    links: dict[str, int] = {}
    for column, table, prefix, id in (
        ("hold_sequence", holds, "hold", where.hold),
        ("reverses", transactions, "txn", where.reverses),
    ):
        if id is not None:
            linked = await sequence_of(connection, table, ledger_id, prefix, id)
            if linked is None:
                return Page([], None)
            links[column] = linked
    search = _TransactionSearch(connection, ledger_id, where, page, sequences, keyset, by_entries, links)
    return await search.page(budget)


@dataclass(frozen=True, slots=True)
class _TransactionSearch:
    """What is looked for, where, and in which order. `links` are columns that must have just that sequence."""

    connection: AsyncConnection
    ledger_id: int
    where: TransactionFilter
    request: PageRequest
    sequences: tuple[int, int]
    keyset: Keyset
    by_entries: EntryFilter
    links: Mapping[str, int]

    async def page(self, budget: Budget) -> Page[Candidate]:
        """Return which transactions are on the page."""
        few = await self._few(budget)
        if few is not None:
            source, judge = given(await self._fitting(few), self.keyset), accept
            by_entries = self.by_entries.judge
        elif self._is_by_sequence and self.by_entries.number is not None:
            source = await self._by_history(self.by_entries.number)
            return await walk(self.request, budget, source, self._judge)
        else:
            source, judge, by_entries = self._by_index(), self._judge, self._judge_both
        if self.by_entries.restricts:
            return await walk(self.request, budget, source, by_entries, ROWS_BY_ENTRIES)
        return await walk(self.request, budget, source, judge)

    @property
    def _is_by_sequence(self) -> bool:
        return self.request.field != "effective_at"

    async def _few(self, budget: Budget) -> Sequence[int] | None:
        """Return all transactions that one of the filters leaves, if those are few."""
        where, of_ledger = self.where, transactions.c.ledger_id == self.ledger_id
        sequences = select(transactions.c.sequence).where(of_ledger)
        if where.reference:
            named = sequences.where(transactions.c.reference.in_(where.reference))
            return (await self.connection.scalars(named)).all()
        sets: list[SmallSet] = []
        for column, linked in self.links.items():
            of_link = sequences.where(*under(transactions.c[column], linked, transactions.c.sequence, *self.sequences))
            in_order = of_link.order_by(transactions.c[column], transactions.c.sequence)
            sets.append(small_set(self.connection, in_order))
        if self.by_entries.restricts:
            sets.append(self.by_entries.small_set())
        for key, value in where.metadata.items():
            query = of_metadata("transaction", self.ledger_id, key, value)
            sets.append(small_set(self.connection, query.where(self._in_range(metadata_values.c.sequence))))
        if where.reference_prefix is not None or where.has_reference:
            prefix = begins_with(transactions.c.reference, where.reference_prefix or "")
            sets.append(
                small_set(
                    self.connection,
                    sequences.where(transactions.c.reference.is_not(None), prefix).order_by(transactions.c.reference),
                )
            )
        if self._is_by_sequence:
            if where.effective_at != Span():
                effective = within(transactions.c.effective_at, where.effective_at)
                in_order = sequences.where(*effective).order_by(transactions.c.effective_at)
                sets.append(small_set(self.connection, in_order))
        elif (where.recorded_at, where.sequence) != (Span(), Span()):
            in_order = sequences.where(self._in_range(transactions.c.sequence)).order_by(transactions.c.sequence)
            sets.append(small_set(self.connection, in_order))
        has_index = (
            self.links or self.by_entries.number is not None or (where.metadata and not self.by_entries.restricts)
        )
        if self._is_by_sequence and has_index and len(sets) == 1:
            return None  # these are what an index has in just this order, few or not
        return await smallest(sets, budget) if sets else None

    def _by_index(self) -> Source:
        """Return the transactions in the list's order, as far as an index can tell which of them fit."""
        ordered = select(*self.keyset.columns).where(transactions.c.ledger_id == self.ledger_id)
        keyset = self.keyset
        leading: list[ColumnElement[Any]] = []
        if not self._is_by_sequence:
            ordered = ordered.where(*within(transactions.c.effective_at, self.where.effective_at))
        elif self.links:
            column, linked = next(iter(self.links.items()))
            ordered = ordered.where(*under(transactions.c[column], linked, transactions.c.sequence, *self.sequences))
            leading = [transactions.c[column]]
        elif self.where.metadata:
            key, value = next(iter(self.where.metadata.items()))
            filed = metadata_values.c.sequence
            ordered = of_metadata("transaction", self.ledger_id, key, value).where(self._in_range(filed))
            keyset = Keyset((filed,), self.keyset.is_descending)
        else:
            ordered = ordered.where(self._in_range(transactions.c.sequence))

        async def source(after: Position | None, size: int, budget: Budget) -> Window:
            order = Keyset((*leading, *keyset.columns), keyset.is_descending).order()
            query = ordered.where(keyset.beyond(after)).order_by(*order).limit(size)
            rows = (await self.connection.execute(query)).all()
            budget.spend(len(rows))
            return Window([Candidate(position(*row), row[-1]) for row in rows], len(rows) < size)

        return source

    async def _by_history(self, account: int) -> Source:
        """Return the transactions of an account in their order; each once, however many entries it has there."""
        history = await AccountHistory.of(self.connection, self.ledger_id, account, self.where.asset)
        is_descending = self.keyset.is_descending

        async def source(after: Position | None, size: int, budget: Budget) -> Window:
            lowest, highest = self.sequences
            if after is not None:
                sequence = int(after[0])
                lowest, highest = (lowest, sequence - 1) if is_descending else (sequence + 1, highest)
            lines, is_last = await history.read(
                size, budget, (lowest, 0), (highest, LAST_PLACE[1]), is_descending=is_descending
            )
            sequences = dict.fromkeys(sequence for sequence, _ in lines)
            return Window([Candidate((sequence,), sequence) for sequence in sequences], is_last)

        return source

    async def _judge(self, candidates: Sequence[Candidate], budget: Budget) -> Verdict:
        """Let those pass whose own rows fit the filters."""
        if not self._conditions(transactions):
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
        """Return those of the transactions whose own rows fit the filters, all of them."""
        wanted = bigints(sequences)
        found = (
            select(
                *[
                    transactions.c[name]
                    for name in ("sequence", "effective_at", "reference", "hold_sequence", "reverses")
                ]
            )
            .where(transactions.c.ledger_id == self.ledger_id, *equals(transactions.c.sequence, wanted.c.item))
            .order_by(transactions.c.sequence)
            .limit(1)
            .lateral("found")
        )
        # The conditions stand outside of the look-up, which could go by another index otherwise.
        query = (
            select(*[found.c[column.name] for column in self.keyset.columns])
            .select_from(wanted.join(found, literal(True)))
            .where(*self._conditions(found))
        )
        return [Candidate(position(*row), row[-1]) for row in await self.connection.execute(query)]

    def _conditions(self, found: FromClause) -> list[ColumnElement[bool]]:
        where, row = self.where, found.c
        conditions = within(row.effective_at, where.effective_at)
        conditions += [row[column] == linked for column, linked in self.links.items()]
        if where.reference:
            conditions.append(row.reference.in_(where.reference))
        if where.reference_prefix is not None:
            conditions.append(begins_with(row.reference, where.reference_prefix))
        if where.has_reference is not None:
            conditions.append(row.reference.is_not(None) if where.has_reference else row.reference.is_(None))
        if (where.recorded_at, where.sequence) != (Span(), Span()):
            conditions.append(self._in_range(row.sequence))
        for key, value in where.metadata.items():
            conditions.append(has_metadata("transaction", self.ledger_id, row.sequence, key, value))
        return conditions

    def _in_range(self, sequence: ColumnElement[int]) -> ColumnElement[bool]:
        return sequence.between(*self.sequences)

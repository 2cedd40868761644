"""The search for one page of a ledger's accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.keyset import (
    Budget,
    Candidate,
    Keyset,
    Source,
    Verdict,
    Window,
    accept,
    given,
    walk,
)
from adapters.postgres.ledger.readers.filters import (
    SmallSet,
    begins_with,
    equals,
    fits,
    has_metadata,
    of_metadata,
    small_set,
    smallest,
)
from adapters.postgres.ledger.readers.lookups import (
    bigints,
    sequences_within,
)
from adapters.postgres.tables import accounts, metadata_values
from application.ledger.readers import AccountFilter
from application.ledger.spans import Span
from application.shared.pagination import Page, PageRequest, Position
from domain.shared.text import is_storable


async def search_accounts(
    connection: AsyncConnection, ledger_id: int, where: AccountFilter, page: PageRequest, budget: Budget
) -> Page[Candidate]:
    """Return which accounts are on the page, by their numbers."""
    texts = (*where.type, *where.status, *where.metadata.keys(), *where.metadata.values())
    if not all(is_storable(text) for text in texts):
        return Page([], None)
    # An account's number is the sequence of its opening.
    numbers = await sequences_within(connection, ledger_id, where.opened_at, Span())
    columns = {"path": (accounts.c.path,), "opened_at": (accounts.c.number,)}
    keyset = Keyset(columns[page.field], page.is_descending)
    return await _AccountSearch(connection, ledger_id, where, page, numbers, keyset).page(budget)


@dataclass(frozen=True, slots=True)
class _AccountSearch:
    """What is looked for, where, and in which order."""

    connection: AsyncConnection
    ledger_id: int
    where: AccountFilter
    request: PageRequest
    numbers: tuple[int, int]
    keyset: Keyset

    async def page(self, budget: Budget) -> Page[Candidate]:
        """Return which accounts are on the page."""
        few = await self._few(budget)
        if few is not None:
            return await walk(self.request, budget, given(await self._fitting(few), self.keyset), accept)
        is_filtered = self.where != AccountFilter()
        return await walk(self.request, budget, self._by_index(), self._judge if is_filtered else accept)

    @property
    def _has_span(self) -> bool:
        return self.where.opened_at != Span()

    @property
    def _is_by_number(self) -> bool:
        return self.request.field == "opened_at"

    async def _few(self, budget: Budget) -> Sequence[int] | None:
        """Return all accounts that one of the filters leaves, if those are few."""
        path, numbers = self.where.path, select(accounts.c.number).where(accounts.c.ledger_id == self.ledger_id)
        sets: list[SmallSet] = []
        if path is not None and (path.is_exact or path.prefix):
            alike = accounts.c.path == path.text if path.is_exact else begins_with(accounts.c.path, path.prefix)
            sets.append(small_set(self.connection, numbers.where(alike).order_by(accounts.c.path)))
        for key, value in self.where.metadata.items():
            query = of_metadata("account", self.ledger_id, key, value)
            sets.append(small_set(self.connection, query.where(self._in_range(metadata_values.c.sequence))))
        if self._has_span and not self._is_by_number:
            in_order = numbers.where(self._in_range(accounts.c.number)).order_by(accounts.c.number)
            sets.append(small_set(self.connection, in_order))
        has_index = self.where.metadata if self._is_by_number else path is not None and not path.is_exact
        if has_index and len(sets) == 1:
            return None  # these are what an index has in just this order, few or not
        return await smallest(sets, budget) if sets else None

    def _by_index(self) -> Source:
        """Return the accounts in the list's order, as far as an index can tell which of them fit."""
        ordered: Select[Any] = select(accounts.c.path, accounts.c.number).where(accounts.c.ledger_id == self.ledger_id)
        keyset = self.keyset
        if not self._is_by_number:
            if self.where.path is not None:
                ordered = ordered.where(begins_with(accounts.c.path, self.where.path.prefix))
        elif self.where.metadata:
            key, value = next(iter(self.where.metadata.items()))
            filed = metadata_values.c.sequence
            ordered = of_metadata("account", self.ledger_id, key, value).where(self._in_range(filed))
            keyset = Keyset((filed,), self.keyset.is_descending)
        else:
            ordered = ordered.where(self._in_range(accounts.c.number))

        async def source(after: Position | None, size: int, budget: Budget) -> Window:
            query = ordered.where(keyset.beyond(after)).order_by(*keyset.order()).limit(size)
            rows = (await self.connection.execute(query)).all()
            budget.spend(len(rows))
            candidates = [Candidate((row[0] if not self._is_by_number else row[-1],), row[-1]) for row in rows]
            return Window(candidates, len(rows) < size)

        return source

    async def _judge(self, candidates: Sequence[Candidate], budget: Budget) -> Verdict:
        fitting = {each.number for each in await self._fitting([each.number for each in candidates])}
        return Verdict([each for each in candidates if each.number in fitting], len(candidates))

    async def _fitting(self, numbers: Sequence[int]) -> list[Candidate]:
        """Return those of the accounts that fit the filters, all of them."""
        wanted = bigints(numbers)
        found = (
            select(accounts.c.number, accounts.c.path, accounts.c.type, accounts.c.status)
            .where(accounts.c.ledger_id == self.ledger_id, *equals(accounts.c.number, wanted.c.item))
            .order_by(accounts.c.number)
            .limit(1)
            .lateral("found")
        )
        # The conditions stand outside of the look-up, which could go by another index otherwise.
        conditions = [self._in_range(found.c.number)]
        if self.where.path is not None:
            conditions += fits(found.c.path, self.where.path)
        if self.where.type:
            conditions.append(found.c.type.in_(self.where.type))
        if self.where.status:
            conditions.append(found.c.status.in_(self.where.status))
        for key, value in self.where.metadata.items():
            conditions.append(has_metadata("account", self.ledger_id, found.c.number, key, value))
        (key_column,) = self.keyset.columns
        query = (
            select(found.c[key_column.name], found.c.number)
            .select_from(wanted.join(found, literal(True)))
            .where(*conditions)
        )
        return [Candidate((key,), number) for key, number in await self.connection.execute(query)]

    def _in_range(self, number: ColumnElement[int]) -> ColumnElement[bool]:
        return number.between(*self.numbers)

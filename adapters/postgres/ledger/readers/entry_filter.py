"""The search for transactions, or holds, by what their entries say: on which accounts they are, in which assets."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, Subquery, Table, and_, func, literal, literal_column, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.keyset import Budget, Candidate, Verdict
from adapters.postgres.ledger.readers.filters import SmallSet, begins_with, equals, fits, small_set
from adapters.postgres.ledger.readers.lookups import bigints
from adapters.postgres.tables import accounts, entries
from application.shared.pagination import ROWS_READ_MAX
from domain.ledger.transaction import ENTRIES_MAX
from domain.shared.patterns import Pattern


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """One entry of the transaction is on such an account and in such an asset; None does not restrict.

    `number` is that of the account where the pattern is exact. `table` has the entries, of transactions or of holds;
    holds are not found by an asset alone.
    """

    connection: AsyncConnection
    ledger_id: int
    account: Pattern | None
    number: int | None
    asset: str | None
    table: Table = entries

    @property
    def restricts(self) -> bool:
        """Whether there is anything to look at."""
        return self.account is not None or self.asset is not None

    def small_set(self) -> SmallSet:
        """Return the transactions that this leaves, as a set which may be small."""
        if self.number is not None:
            return small_set(self.connection, self._of_accounts([self.number]))
        if self.account is not None:
            return self._of_pattern
        assert self.asset is not None
        return small_set(self.connection, self._of_asset(self.asset))

    def _of_accounts(self, numbers: Sequence[int]) -> Select[int]:
        """Select the sequences of all entries of the accounts, in the asset that is asked for."""
        wanted = bigints(numbers)
        of = self.table.c
        of_asset = true() if self.asset is None else of.asset == self.asset
        # The order names the index: that of balances, and for holds that of accounts.
        if self.table is entries:
            of_account, order = [of.account_number == wanted.c.item], [of.asset]
        else:
            of_account, order = equals(of.account_number, wanted.c.item), [of.account_number, of.sequence]
        line = (
            select(of.sequence)
            .where(of.ledger_id == self.ledger_id, *of_account, of_asset)
            .order_by(*order)
            .limit(ROWS_READ_MAX)
            .lateral("line")
        )
        return select(line.c.sequence).select_from(wanted.join(line, literal(True)))

    def _of_asset(self, code: str) -> Select[int]:
        """Select the sequences of all entries in the asset, by way of the accounts that were ever used with it."""
        first = entries.alias("first")
        line = (
            select(entries.c.sequence)
            .where(
                entries.c.ledger_id == self.ledger_id,
                entries.c.account_number == first.c.account_number,
                entries.c.asset == code,
            )
            .limit(ROWS_READ_MAX)
            .lateral("line")
        )
        return (
            select(line.c.sequence)
            .select_from(first.join(line, literal(True)))
            .where(
                first.c.ledger_id == self.ledger_id,
                first.c.asset == code,
                first.c.balance_version == literal_column("1"),
            )
            .order_by(first.c.account_number)
        )

    async def _of_pattern(self, rows_max: int, budget: Budget) -> Sequence[int] | None:
        """Return the sequences of all entries of the accounts that fit the pattern, if few accounts begin like it."""
        pattern = self.account
        assert pattern is not None
        alike = (
            select(accounts.c.number, accounts.c.path)
            .where(accounts.c.ledger_id == self.ledger_id, begins_with(accounts.c.path, pattern.prefix))
            .order_by(accounts.c.path)
            .limit(rows_max // 2 + 1)
            .subquery("alike")
        )
        query = select(alike.c.number, and_(*fits(alike.c.path, pattern)))
        rows = (await self.connection.execute(query)).all()
        budget.spend(len(rows))
        if len(rows) > rows_max // 2:
            return None
        numbers = [number for number, is_fitting in rows if is_fitting]
        return await small_set(self.connection, self._of_accounts(numbers))(rows_max // 2, budget)

    async def judge(self, candidates: Sequence[Candidate], budget: Budget) -> Verdict:
        """Let those pass of which one entry is on such an account and in such an asset, as far as the budget goes."""
        wanted = bigints([candidate.number for candidate in candidates])
        # The first entry comes last: once that is seen, all were, in whichever order the transactions are read.
        of = self.table.c
        line = (
            select(of.position, of.account_number, of.asset)
            .where(of.ledger_id == self.ledger_id, of.sequence == wanted.c.item)
            .order_by(of.position.desc())
            .limit(ENTRIES_MAX)
            .lateral("line")
        )
        joined = wanted.join(line, literal(True))
        read = select(wanted.c.place, line).select_from(joined).limit(budget.rows).subquery("read")
        is_fitting = and_(true(), *self._conditions_on_entries(read))
        query = select(
            read.c.place, func.count(), func.bool_or(or_(read.c.position == 0, is_fitting)), func.bool_or(is_fitting)
        ).group_by(read.c.place)
        seen = {place: tuple(row) for place, *row in await self.connection.execute(query)}
        budget.spend(sum(count for count, _, _ in seen.values()))
        matches: list[Candidate] = []
        for examined, candidate in enumerate(candidates):
            _, is_judged, is_match = seen.get(examined + 1, (0, False, False))
            if not is_judged:
                return Verdict(matches, examined)
            if is_match:
                matches.append(candidate)
        return Verdict(matches, len(candidates))

    def _conditions_on_entries(self, read: Subquery) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.asset is not None:
            conditions.append(read.c.asset == self.asset)
        if self.number is not None:
            conditions.append(read.c.account_number == self.number)
        elif self.account is not None:
            path = (
                select(accounts.c.path)
                .where(accounts.c.ledger_id == self.ledger_id, accounts.c.number == read.c.account_number)
                .limit(1)
                .scalar_subquery()
            )
            conditions.append(and_(*fits(path, self.account)[1:]))
        return conditions

"""Accounts, what they hold and how they came to hold it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id
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
    fits,
    has_metadata,
    of_metadata,
    small_set,
    smallest,
)
from adapters.postgres.ledger.readers.history import HISTORY, AccountHistory, line_of
from adapters.postgres.ledger.readers.lookups import (
    account_not_found,
    account_row,
    account_rows,
    assets_held,
    assets_of,
    bigints,
    ledger_id_of,
    sequences_within,
    unnested,
)
from adapters.postgres.ledger.rows import account_of
from adapters.postgres.tables import accounts, entries, metadata_values, transactions
from application.ledger.readers import AccountEntryView, AccountFilter, AccountView, AssetBalance, Span
from application.shared.pagination import Page, PageRequest, Position
from domain.ledger.account import Account
from domain.ledger.balance import Balance


class PostgresAccounts:
    """Reads accounts, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def account(self, slug: str, path: str) -> AccountView:
        ledger_id = await self._ledger_id(slug)
        row = await account_row(self._connection, ledger_id, path)
        return AccountView(account_of(row), row["opened_at"])

    async def accounts(self, slug: str, where: AccountFilter, page: PageRequest) -> Page[AccountView]:
        ledger_id = await self._ledger_id(slug)
        search = await _search(self._connection, ledger_id, where, page)
        found = await search.page()
        numbers = [candidate.number for candidate in found.items]
        rows = await account_rows(self._connection, ledger_id, numbers)
        views = [AccountView(account_of(rows[number]), rows[number]["opened_at"]) for number in numbers]
        return Page(views, found.next_after)

    async def balances(
        self, slug: str, path: str, *, as_of_sequence: int | None
    ) -> tuple[Account, Sequence[AssetBalance]]:
        ledger_id = await self._ledger_id(slug)
        account = account_of(await account_row(self._connection, ledger_id, path))
        if as_of_sequence is not None and account.number > as_of_sequence:
            raise account_not_found(path)
        codes = await assets_held(self._connection, ledger_id, account.number)
        wanted = unnested(codes, Text())
        last = (
            select(
                entries.c.asset,
                cast(entries.c.posted_debits, Text).label("debits"),
                cast(entries.c.posted_credits, Text).label("credits"),
                entries.c.balance_version,
            )
            .where(
                entries.c.ledger_id == ledger_id,
                entries.c.account_number == account.number,
                entries.c.asset == wanted.c.item,
                *([] if as_of_sequence is None else [entries.c.sequence <= as_of_sequence]),
            )
            .order_by(entries.c.sequence.desc(), entries.c.position.desc())
            .limit(1)
            .lateral("last")
        )
        query = select(last).select_from(wanted.join(last, literal(True))).order_by(last.c.asset)
        rows = (await self._connection.execute(query)).all()
        assets = await assets_of(self._connection, ledger_id, codes)
        balances = [
            AssetBalance(assets[code], Balance(int(debits), int(credits), version))
            for code, debits, credits, version in rows
        ]
        return account, balances

    async def entries(self, slug: str, path: str, *, asset: str | None, page: PageRequest) -> Page[AccountEntryView]:
        assert page.field == "sequence", page.sort
        ledger_id = await self._ledger_id(slug)
        account = account_of(await account_row(self._connection, ledger_id, path))
        history = await AccountHistory.of(self._connection, ledger_id, account.number, asset)
        keyset = Keyset((entries.c.sequence, entries.c.position), page.is_descending)

        async def source(after: Position | None, size: int, budget: Budget) -> Window:
            lines, is_last = await history.read(size, budget, keyset.beyond(after), is_descending=page.is_descending)
            return Window([Candidate(line, line[0]) for line in lines], is_last)

        found = await walk(page, Budget(), source, accept)
        return Page(await self._entry_views(ledger_id, account, found.items), found.next_after)

    async def _entry_views(
        self, ledger_id: int, account: Account, found: Sequence[Candidate]
    ) -> list[AccountEntryView]:
        wanted = bigints([candidate.number for candidate in found])
        positions = unnested([candidate.position[1] for candidate in found], Integer())
        line = (
            select(
                *HISTORY,
                transactions.c.id,
                transactions.c.reference,
                transactions.c.description,
                transactions.c.effective_at,
                transactions.c.recorded_at,
            )
            .select_from(
                entries.join(
                    transactions,
                    (transactions.c.ledger_id == entries.c.ledger_id) & (transactions.c.sequence == entries.c.sequence),
                )
            )
            .where(
                entries.c.ledger_id == ledger_id,
                entries.c.sequence == wanted.c.item,
                entries.c.position == positions.c.item,
            )
            .limit(1)
            .lateral("line")
        )
        query = (
            select(line)
            .select_from(wanted.join(positions, wanted.c.place == positions.c.place).join(line, literal(True)))
            .order_by(wanted.c.place)
        )
        rows = (await self._connection.execute(query)).mappings().all()
        assets = await assets_of(self._connection, ledger_id, {row["asset"] for row in rows})
        return [
            AccountEntryView(
                line=line_of(row, account, assets[row["asset"]]),
                position=row["position"],
                sequence=row["sequence"],
                transaction_id=outward_id("txn", row["id"]),
                reference=row["reference"],
                description=row["description"],
                effective_at=row["effective_at"],
                recorded_at=row["recorded_at"],
            )
            for row in rows
        ]

    async def _ledger_id(self, slug: str) -> int:
        return await ledger_id_of(self._connection, self._organisation_id, slug)


async def _search(
    connection: AsyncConnection, ledger_id: int, where: AccountFilter, page: PageRequest
) -> "_AccountSearch":
    # An account's number is the sequence of its opening.
    numbers = await sequences_within(connection, ledger_id, where.opened_at, Span())
    columns = {"path": (accounts.c.path,), "opened_at": (accounts.c.number,)}
    return _AccountSearch(connection, ledger_id, where, page, numbers, Keyset(columns[page.field], page.is_descending))


@dataclass(frozen=True, slots=True)
class _AccountSearch:
    """The search for one page of a ledger's accounts."""

    connection: AsyncConnection
    ledger_id: int
    where: AccountFilter
    request: PageRequest
    numbers: tuple[int, int]
    keyset: Keyset

    async def page(self) -> Page[Candidate]:
        """Return which accounts are on the page."""
        budget = Budget()
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
        path, of_ledger = self.where.path, accounts.c.ledger_id == self.ledger_id
        sets: list[SmallSet] = []
        numbers = select(accounts.c.number).where(of_ledger)
        if path is not None and path.is_exact:
            sets.append(small_set(self.connection, numbers.where(accounts.c.path == path.text)))
        for key, value in self.where.metadata.items():
            query = of_metadata("account", self.ledger_id, key, value)
            sets.append(small_set(self.connection, query.where(self._in_range(metadata_values.c.sequence))))
        if path is not None and not path.is_exact and path.prefix and self._is_by_number:
            sets.append(
                small_set(
                    self.connection, numbers.where(begins_with(accounts.c.path, path.prefix)).order_by(accounts.c.path)
                )
            )
        if self._has_span and not self._is_by_number:
            sets.append(
                small_set(self.connection, numbers.where(self._in_range(accounts.c.number)).order_by(accounts.c.number))
            )
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
            select(accounts.c.number, accounts.c.path, accounts.c.type)
            .where(accounts.c.ledger_id == self.ledger_id, accounts.c.number == wanted.c.item)
            .limit(1)
            .lateral("found")
        )
        # The conditions stand outside of the look-up, which could go by another index otherwise.
        conditions = [self._in_range(found.c.number)]
        if self.where.path is not None:
            conditions += fits(found.c.path, self.where.path)
        if self.where.type:
            conditions.append(found.c.type.in_(self.where.type))
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

"""Accounts, what they hold and how they came to hold it."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id
from adapters.postgres.keyset import (
    Budget,
    Candidate,
    Window,
    accept,
    page_of,
    walk,
)
from adapters.postgres.ledger.readers.account_search import search_accounts
from adapters.postgres.ledger.readers.balances import balances_of
from adapters.postgres.ledger.readers.history import (
    FIRST_PLACE,
    HISTORY,
    LAST_PLACE,
    AccountHistory,
    line_of,
)
from adapters.postgres.ledger.readers.lookups import (
    LEDGER_ID,
    account_not_found,
    account_row,
    account_rows,
    assets_of,
    given,
    ledger_id_of,
)
from adapters.postgres.ledger.readers.statements import entries_effective_within
from adapters.postgres.ledger.rows import account_of
from adapters.postgres.tables import entries, transactions
from application.ledger.readers import AccountEntryView, AccountFilter, AccountView, AssetBalance
from application.ledger.spans import AsOf
from application.shared.pagination import Page, PageRequest, Position
from domain.ledger.account import Account


class PostgresAccounts:
    """Reads accounts, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int, rows_max: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._rows_max = rows_max

    async def account(self, slug: str, path: str) -> AccountView:
        ledger_id = await self._ledger_id(slug)
        row = await account_row(self._connection, ledger_id, path)
        return AccountView(account_of(row), row["opened_at"])

    async def accounts(self, slug: str, where: AccountFilter, page: PageRequest) -> Page[AccountView]:
        ledger_id = await self._ledger_id(slug)
        found = await search_accounts(self._connection, ledger_id, where, page, Budget(self._rows_max))
        numbers = [candidate.number for candidate in found.items]
        rows = await account_rows(self._connection, ledger_id, numbers)
        views = [AccountView(account_of(rows[number]), rows[number]["opened_at"]) for number in numbers]
        return page_of(views, found)

    async def balances(self, slug: str, path: str, *, as_of: AsOf) -> tuple[Account, Sequence[AssetBalance]]:
        ledger_id = await self._ledger_id(slug)
        account = await self._account_as_of(ledger_id, path, as_of.sequence)
        return account, (await balances_of(self._connection, ledger_id, [account.number], as_of))[account.number]

    async def entries(
        self, slug: str, path: str, *, asset: str | None, page: PageRequest, as_of_sequence: int | None = None
    ) -> Page[AccountEntryView]:
        assert page.field == "sequence", page.sort
        ledger_id = await self._ledger_id(slug)
        account = await self._account_as_of(ledger_id, path, as_of_sequence)
        end = LAST_PLACE if as_of_sequence is None else (as_of_sequence, LAST_PLACE[1])
        history = await AccountHistory.of(self._connection, ledger_id, account.number, asset)

        async def source(after: Position | None, size: int, budget: Budget) -> Window:
            first, last = FIRST_PLACE, end
            if after is not None:
                sequence, place = map(int, after)
                first, last = (first, (sequence, place - 1)) if page.is_descending else ((sequence, place + 1), last)
            lines, is_last = await history.read(size, budget, first, last, is_descending=page.is_descending)
            return Window([Candidate(line, line[0]) for line in lines], is_last)

        found = await walk(page, Budget(self._rows_max), source, accept)
        return page_of(await self._entry_views(ledger_id, account, found.items), found)

    async def entries_within(
        self, slug: str, path: str, *, asset: str | None, since: datetime | None, as_of: AsOf, limit: int
    ) -> Sequence[AccountEntryView] | None:
        ledger_id = await self._ledger_id(slug)
        account = await self._account_as_of(ledger_id, path, as_of.sequence)
        codes = (await AccountHistory.of(self._connection, ledger_id, account.number, asset)).codes
        return await entries_effective_within(self._connection, ledger_id, account, codes, since, as_of, limit)

    async def _account_as_of(self, ledger_id: int, path: str, as_of_sequence: int | None) -> Account:
        account = account_of(await account_row(self._connection, ledger_id, path))
        if as_of_sequence is not None and account.number > as_of_sequence:
            raise account_not_found(path)
        return account

    async def _entry_views(
        self, ledger_id: int, account: Account, found: Sequence[Candidate]
    ) -> list[AccountEntryView]:
        values = {
            "ledger_id": ledger_id,
            "wanted": [candidate.number for candidate in found],
            "positions": [candidate.position[1] for candidate in found],
        }
        rows = (await self._connection.execute(_entries(), values)).mappings().all()
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


@cache
def _entries() -> Select[Any]:
    wanted, positions = given("wanted", BigInteger()), given("positions", Integer())
    of_transaction = (transactions.c.ledger_id == entries.c.ledger_id) & (transactions.c.sequence == entries.c.sequence)
    told = (
        transactions.c.id,
        transactions.c.reference,
        transactions.c.description,
        transactions.c.effective_at,
        transactions.c.recorded_at,
    )
    line = (
        select(*HISTORY, *told)
        .select_from(entries.join(transactions, of_transaction))
        .where(
            entries.c.ledger_id == LEDGER_ID,
            entries.c.sequence == wanted.c.item,
            entries.c.position == positions.c.item,
        )
        .limit(1)
        .lateral("line")
    )
    beside = wanted.join(positions, wanted.c.place == positions.c.place).join(line, literal(True))
    return select(line).select_from(beside).order_by(wanted.c.place)

"""Many things by their names, each in as few statements as one of them takes."""

from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping, TableValuedAlias, Text, literal, select
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.readers.balances import balances_of
from adapters.postgres.ledger.readers.filters import equals
from adapters.postgres.ledger.readers.lookups import ledger_id_of, unnested
from adapters.postgres.ledger.readers.transactions import PostgresTransactions
from adapters.postgres.ledger.rows import account_of
from adapters.postgres.tables import accounts, transactions
from application.ledger.readers import AccountView, AssetBalance, TransactionView
from application.ledger.spans import AsOf
from domain.ledger.account import Account
from domain.shared.text import is_storable


class PostgresBatches:
    """Reads what is named, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int, rows_max: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._rows_max = rows_max

    async def accounts(self, slug: str, paths: Sequence[str]) -> Mapping[str, AccountView]:
        ledger_id = await self._ledger_id(slug)
        wanted = _texts(paths)
        found = (
            select(accounts)
            .where(accounts.c.ledger_id == ledger_id, accounts.c.path == wanted.c.item)
            .limit(1)
            .lateral("found")
        )
        rows = await self._connection.execute(select(found).select_from(wanted.join(found, literal(True))))
        return {row["path"]: _view(row) for row in rows.mappings()}

    async def below(self, slug: str, paths: Sequence[str], *, limit: int) -> Mapping[str, Sequence[AccountView]]:
        ledger_id = await self._ledger_id(slug)
        wanted = _texts(paths)
        # Those whose paths go on after a colon: all that come before the character after that one.
        found = (
            select(accounts)
            .where(
                accounts.c.ledger_id == ledger_id,
                accounts.c.path > wanted.c.item + ":",
                accounts.c.path < wanted.c.item + ";",
            )
            .order_by(accounts.c.path)
            .limit(limit)
            .lateral("found")
        )
        query = select(wanted.c.item, found).select_from(wanted.join(found, literal(True)))
        below: dict[str, list[AccountView]] = {path: [] for path in paths}
        for row in (await self._connection.execute(query.order_by(wanted.c.place, found.c.path))).mappings():
            below[row["item"]].append(_view(row))
        return below

    async def balances(
        self, slug: str, paths: Sequence[str], *, as_of: AsOf
    ) -> Mapping[str, tuple[Account, Sequence[AssetBalance]]]:
        ledger_id = await self._ledger_id(slug)
        views = (await self.accounts(slug, paths)).values()
        # An account's number is the sequence of its opening.
        there = [v.account for v in views if as_of.sequence is None or v.account.number <= as_of.sequence]
        balances = await balances_of(self._connection, ledger_id, [account.number for account in there], as_of)
        return {account.path: (account, balances[account.number]) for account in there}

    async def transactions(self, slug: str, ids: Sequence[str]) -> Mapping[str, TransactionView]:
        ledger_id = await self._ledger_id(slug)
        stored = {each for each in (stored_id("txn", id) for id in ids) if each is not None}
        wanted = unnested(sorted(stored), UUID(as_uuid=True))
        found = (
            select(transactions.c.sequence)
            .where(transactions.c.ledger_id == ledger_id, *equals(transactions.c.id, wanted.c.item))
            .order_by(transactions.c.id)
            .limit(1)
            .lateral("found")
        )
        query = select(found.c.sequence).select_from(wanted.join(found, literal(True)))
        sequences = (await self._connection.scalars(query)).all()
        reader = PostgresTransactions(self._connection, self._organisation_id, self._rows_max)
        return {view.id: view for view in await reader.at(ledger_id, sequences)}

    async def _ledger_id(self, slug: str) -> int:
        return await ledger_id_of(self._connection, self._organisation_id, slug)


def _texts(paths: Sequence[str]) -> TableValuedAlias:
    return unnested([path for path in dict.fromkeys(paths) if is_storable(path)], Text())


def _view(row: RowMapping) -> AccountView:
    return AccountView(account_of(row), row["opened_at"])

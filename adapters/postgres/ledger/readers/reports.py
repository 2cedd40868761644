"""Reports: what a ledger says as a whole."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Executable, Text, cast, func, literal, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.history import FIRST_PLACE, LAST_PLACE, are_between, order_of_history
from adapters.postgres.ledger.readers.lookups import assets_of, head_of, ledger_id_of
from adapters.postgres.ledger.readers.time_travel import LINES_BEFORE
from adapters.postgres.tables import accounts, entries, transactions
from application.ledger.readers import AsOf, TrialBalance, TrialBalanceLine
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance

# A report reads all accounts, so that sorting and hashing them is right; and all of what its cursor gives. It adds up
# between two of its queries, which takes seconds for millions of accounts, and holds no lock meanwhile.
_PLANS_OF_REPORTS: Final = text(
    "SELECT set_config('enable_sort', 'on', true), set_config('enable_hashjoin', 'on', true), "
    "set_config('cursor_tuple_fraction', '1', true), set_config('idle_in_transaction_session_timeout', '60000', true)"
)
# About a millisecond of work between two waits, in which others are served.
_ROWS_PER_TURN: Final = 500


class PostgresReports:
    """Reads across accounts, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def trial_balance(self, slug: str, *, as_of: AsOf) -> TrialBalance:
        await self._connection.execute(_PLANS_OF_REPORTS)
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        head = (await head_of(self._connection, ledger_id)).sequence
        sequence = head if as_of.sequence is None else min(as_of.sequence, head)
        if as_of.before is None:
            return TrialBalance(sequence, await self._lines(ledger_id, _lines_as_of(ledger_id, sequence)))
        parameters = {"ledger": ledger_id, "before": as_of.before, "sequence": sequence}
        return TrialBalance(sequence, await self._lines(ledger_id, LINES_BEFORE, parameters))

    async def closings(self, slug: str, *, since: datetime | None, as_of: AsOf) -> list[TrialBalanceLine]:
        await self._connection.execute(_PLANS_OF_REPORTS)
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        return await self._lines(ledger_id, _closings(ledger_id, since, as_of))

    async def _lines(
        self, ledger_id: int, query: Executable, parameters: Mapping[str, object] | None = None
    ) -> list[TrialBalanceLine]:
        assets: dict[str, Asset] = {}
        lines: list[TrialBalanceLine] = []
        options = {"yield_per": _ROWS_PER_TURN}
        result = await self._connection.stream(query, parameters, execution_options=options)
        async for rows in result.partitions():
            if unknown := {row.asset for row in rows} - assets.keys():
                assets |= await assets_of(self._connection, ledger_id, unknown)
            lines += [
                TrialBalanceLine(
                    row.path,
                    AccountType(row.type),
                    assets[row.asset],
                    Balance(int(row.debits), int(row.credits), row.balance_version, row.sequence),
                )
                for row in rows
            ]
            await asyncio.sleep(0)
        return lines


def _lines_as_of(ledger_id: int, sequence: int) -> Executable:
    first = entries.alias("first")
    last = (
        select(
            cast(entries.c.posted_debits, Text).label("debits"),
            cast(entries.c.posted_credits, Text).label("credits"),
            entries.c.balance_version,
            entries.c.sequence,
        )
        .where(*are_between(ledger_id, first.c.account_number, first.c.asset, FIRST_PLACE, (sequence, LAST_PLACE[1])))
        .order_by(*order_of_history(is_descending=True))
        .limit(1)
        .lateral("last")
    )
    return (
        select(accounts.c.path, accounts.c.type, first.c.asset, last)
        .select_from(first.join(accounts, accounts.c.number == first.c.account_number).join(last, literal(True)))
        # The index of first entries is of this condition as it is written, and of no parameter.
        .where(
            first.c.ledger_id == ledger_id,
            first.c.balance_version == literal_column("1"),
            accounts.c.ledger_id == ledger_id,
        )
        .order_by(accounts.c.path, first.c.asset)
    )


def _closings(ledger_id: int, since: datetime | None, as_of: AsOf) -> Executable:
    def total(side: ColumnElement[bool]) -> ColumnElement[str]:
        return cast(func.coalesce(func.sum(entries.c.amount).filter(side), 0), Text)

    # The index of closings is of this condition as it is written, and of no parameter.
    where = [transactions.c.ledger_id == ledger_id, transactions.c.kind == literal_column("'closing'")]
    if since is not None:
        where.append(transactions.c.effective_at >= since)
    if as_of.before is not None:
        where.append(transactions.c.effective_at < as_of.before)
    if as_of.sequence is not None:
        where.append(transactions.c.sequence <= as_of.sequence)
    of_transaction = (entries.c.ledger_id == ledger_id) & (entries.c.sequence == transactions.c.sequence)
    of_account = (accounts.c.ledger_id == ledger_id) & (accounts.c.number == entries.c.account_number)
    return (
        select(
            accounts.c.path,
            accounts.c.type,
            entries.c.asset,
            total(entries.c.is_debit).label("debits"),
            total(~entries.c.is_debit).label("credits"),
            literal(0).label("balance_version"),
            literal(0).label("sequence"),
        )
        .select_from(transactions.join(entries, of_transaction).join(accounts, of_account))
        .where(*where)
        .group_by(accounts.c.path, accounts.c.type, entries.c.asset)
        .order_by(accounts.c.path, entries.c.asset)
    )

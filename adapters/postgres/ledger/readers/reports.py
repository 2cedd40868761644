"""Reports: what a ledger says as a whole."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    DateTime,
    Executable,
    Text,
    bindparam,
    cast,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ledger.readers.history import FIRST_PLACE, LAST_PLACE, are_between, order_of_history
from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX, assets_of, head_of, ledger_id_of
from adapters.postgres.ledger.readers.time_travel import LINES_BEFORE
from adapters.postgres.tables import accounts, entries
from application.ledger.report_reader import AccountBalance, TrialBalance, TrialBalanceLine
from application.ledger.spans import AsOf
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

# Closings are found first, then the entries of each: whatever the planner has heard of the tables, since it may not
# look into a step that is materialized, or that has an OFFSET. The index is of the condition as it is written.
_CLOSINGS: Final = text("""
WITH closings AS MATERIALIZED (
    SELECT sequence FROM transactions
    WHERE ledger_id = :ledger AND kind = 'closing' AND effective_at >= coalesce(:since, '-infinity'::timestamptz)
      AND effective_at < coalesce(:before, 'infinity'::timestamptz) AND sequence <= :sequence
),
sums AS MATERIALIZED (
    SELECT account_number, asset, coalesce(sum(amount) FILTER (WHERE is_debit), 0)::text AS debits,
           coalesce(sum(amount) FILTER (WHERE NOT is_debit), 0)::text AS credits
    FROM closings
    CROSS JOIN LATERAL (
        SELECT account_number, asset, is_debit, amount FROM entries
        WHERE ledger_id = :ledger AND entries.sequence = closings.sequence OFFSET 0
    ) AS entry
    GROUP BY account_number, asset
)
SELECT path, type, asset, debits, credits, 0 AS balance_version, 0 AS sequence
FROM sums
CROSS JOIN LATERAL (
    SELECT path, type FROM accounts WHERE ledger_id = :ledger AND number = sums.account_number LIMIT 1
) AS account
ORDER BY path, asset
""").bindparams(
    bindparam("ledger", type_=BigInteger),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("before", type_=DateTime(timezone=True)),
    bindparam("sequence", type_=BigInteger),
)

# A page of accounts, each found where its balance in the asset begins, and its last entry up to the sequence. Each step
# follows an index, so that a page takes the same time wherever it is; places are compared as rows, as in `history.py`.
_BALANCES_OF_ASSET: Final = text("""
SELECT page.account_number, accounts.path, last.debit_balance
FROM (
    SELECT account_number FROM entries
    WHERE ledger_id = :ledger AND balance_version = 1 AND asset = :asset AND account_number > :after
    ORDER BY account_number LIMIT :limit
) AS page
CROSS JOIN LATERAL (
    SELECT path FROM accounts WHERE ledger_id = :ledger AND number = page.account_number LIMIT 1
) AS accounts
LEFT JOIN LATERAL (
    SELECT (posted_debits - posted_credits)::text AS debit_balance FROM entries
    WHERE ledger_id = :ledger AND account_number = page.account_number AND asset = :asset
      AND (sequence, position) <= (:sequence, 2147483647)
    ORDER BY sequence DESC, position DESC LIMIT 1
) AS last ON true
ORDER BY page.account_number
""").bindparams(
    bindparam("ledger", type_=BigInteger),
    bindparam("asset", type_=Text),
    bindparam("after", type_=BigInteger),
    bindparam("limit", type_=BigInteger),
    bindparam("sequence", type_=BigInteger),
)


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
        parameters = {
            "ledger": ledger_id,
            "since": since,
            "before": as_of.before,
            "sequence": SEQUENCE_MAX if as_of.sequence is None else as_of.sequence,
        }
        return await self._lines(ledger_id, _CLOSINGS, parameters)

    async def balances_of_asset(
        self, slug: str, asset: str, *, sequence: int, after: int, limit: int
    ) -> list[AccountBalance]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        parameters = {"ledger": ledger_id, "asset": asset, "sequence": sequence, "after": after, "limit": limit}
        return [
            AccountBalance(number, path, None if balance is None else int(balance))
            for number, path, balance in await self._connection.execute(_BALANCES_OF_ASSET, parameters)
        ]

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

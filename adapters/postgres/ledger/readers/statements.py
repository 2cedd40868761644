"""The entries of an account by their effective time, for statements."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id
from adapters.postgres.ledger.readers.history import HISTORY, line_of
from adapters.postgres.ledger.readers.lookups import assets_of
from adapters.postgres.tables import entries, transactions
from application.ledger.readers import AccountEntryView, AsOf
from domain.ledger.account import Account

# About a millisecond of work between two waits, in which others are served.
_ROWS_PER_TURN: Final = 500


async def entries_effective_within(
    connection: AsyncConnection,
    ledger_id: int,
    account: Account,
    codes: Sequence[str],
    since: datetime | None,
    as_of: AsOf,
    limit: int,
) -> list[AccountEntryView] | None:
    """Return the account's entries in these assets as seen from there, by effective time; None if they are too many."""
    where = [
        entries.c.ledger_id == ledger_id,
        entries.c.account_number == account.number,
        entries.c.asset == any_(bindparam(None, list(codes), ARRAY(Text))),
    ]
    if as_of.sequence is not None:
        where.append(entries.c.sequence <= as_of.sequence)
    if since is not None:
        where.append(transactions.c.effective_at >= since)
    if as_of.before is not None:
        where.append(transactions.c.effective_at < as_of.before)
    of_entry = (transactions.c.ledger_id == entries.c.ledger_id) & (transactions.c.sequence == entries.c.sequence)
    query = (
        select(
            *HISTORY,
            transactions.c.id,
            transactions.c.reference,
            transactions.c.description,
            transactions.c.effective_at,
            transactions.c.recorded_at,
        )
        .select_from(entries.join(transactions, of_entry))
        .where(*where)
        .limit(limit + 1)
    )
    assets = await assets_of(connection, ledger_id, codes)
    found: list[AccountEntryView] = []
    result = await connection.stream(query, execution_options={"yield_per": _ROWS_PER_TURN})
    async for rows in result.mappings().partitions():
        found += [
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
        await asyncio.sleep(0)
    if len(found) > limit:
        return None
    return sorted(found, key=lambda view: (view.effective_at, view.sequence, view.position))

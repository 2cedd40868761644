"""The entries of an account by their effective time, for statements.

Along the history of an account and asset, the latest effective times so far only grow. So the entries that came in
order, each of which is a latest time by itself, lie between the last milestone before the span and the first one after
it; with them are read those that came late meanwhile. The late entries of the span have an index of their own.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ARRAY, BigInteger, DateTime, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id
from adapters.postgres.ledger.readers.history import line_of
from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX, assets_of
from application.ledger.readers import AccountEntryView
from application.ledger.spans import AsOf
from domain.ledger.account import Account

# About a millisecond of work between two waits, in which others are served.
_ROWS_PER_TURN: Final = 500

# The step before the look-ups is materialized: beside a policy, only plain columns and leakproof operators reach an
# index, and an expression would become part of them. An order with OFFSET or LIMIT keeps a look-up one for each asset,
# by the index that has this order: while statistics are old, all that the account has looks as short to the planner.
_QUERY: Final = text("""
WITH bounds AS MATERIALIZED (
    SELECT wanted.asset, span.*, coalesce(first.sequence, 1) AS first_sequence,
           coalesce(first.position, 0) AS first_position,
           least(coalesce(last.sequence, :sequence), :sequence) AS last_sequence
    FROM unnest(:codes) AS wanted (asset)
    CROSS JOIN (SELECT coalesce(:since, '-infinity'::timestamptz) AS since,
                       coalesce(:before, 'infinity'::timestamptz) AS before) AS span
    LEFT JOIN LATERAL (
        SELECT sequence, position FROM entries
        WHERE ledger_id = :ledger AND account_number = :account AND entries.asset = wanted.asset
          AND is_milestone AND latest_effective_at < span.since
        ORDER BY latest_effective_at DESC, sequence DESC, position DESC LIMIT 1
    ) AS first ON true
    LEFT JOIN LATERAL (
        SELECT sequence FROM entries
        WHERE ledger_id = :ledger AND account_number = :account AND entries.asset = wanted.asset
          AND is_milestone AND latest_effective_at >= span.before
        ORDER BY latest_effective_at, sequence, position LIMIT 1
    ) AS last ON true
),
found AS (
    SELECT entry.*, transactions.*
    FROM bounds
    CROSS JOIN LATERAL (
        SELECT account_number, sequence, position, is_debit, entries.asset, amount::text AS amount,
               posted_debits::text AS debits, posted_credits::text AS credits, balance_version, latest_effective_at
        FROM entries
        WHERE ledger_id = :ledger AND account_number = :account AND entries.asset = bounds.asset
          AND (sequence, position) >= (bounds.first_sequence, bounds.first_position)
          AND (sequence, position) <= (bounds.last_sequence, 2147483647)
          AND latest_effective_at >= bounds.since AND latest_effective_at < bounds.before
        ORDER BY sequence, position OFFSET 0
    ) AS entry
    CROSS JOIN LATERAL (
        SELECT id, reference, description, effective_at, recorded_at FROM transactions
        WHERE ledger_id = :ledger AND transactions.sequence = entry.sequence LIMIT 1
    ) AS transactions
    WHERE transactions.effective_at = entry.latest_effective_at
    UNION ALL
    SELECT entry.*, transactions.*
    FROM bounds
    CROSS JOIN LATERAL (
        SELECT sequence, position FROM late_entries
        WHERE ledger_id = :ledger AND account_number = :account AND late_entries.asset = bounds.asset
          AND effective_at >= bounds.since AND effective_at < bounds.before AND sequence <= :sequence
        ORDER BY effective_at, sequence, position LIMIT :limit
    ) AS late
    CROSS JOIN LATERAL (
        SELECT account_number, sequence, position, is_debit, asset, amount::text AS amount,
               posted_debits::text AS debits, posted_credits::text AS credits, balance_version, latest_effective_at
        FROM entries
        WHERE ledger_id = :ledger AND entries.sequence = late.sequence AND entries.position = late.position LIMIT 1
    ) AS entry
    CROSS JOIN LATERAL (
        SELECT id, reference, description, effective_at, recorded_at FROM transactions
        WHERE ledger_id = :ledger AND transactions.sequence = entry.sequence LIMIT 1
    ) AS transactions
)
SELECT * FROM found LIMIT :limit
""").bindparams(
    bindparam("ledger", type_=BigInteger),
    bindparam("account", type_=BigInteger),
    bindparam("codes", type_=ARRAY(Text)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("before", type_=DateTime(timezone=True)),
    bindparam("sequence", type_=BigInteger),
    bindparam("limit", type_=BigInteger),
)


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
    parameters = {
        "ledger": ledger_id,
        "account": account.number,
        "codes": list(codes),
        "since": since,
        "before": as_of.before,
        "sequence": SEQUENCE_MAX if as_of.sequence is None else as_of.sequence,
        "limit": limit + 1,
    }
    assets = await assets_of(connection, ledger_id, codes)
    found: list[AccountEntryView] = []
    result = await connection.stream(_QUERY, parameters, execution_options={"yield_per": _ROWS_PER_TURN})
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

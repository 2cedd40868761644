"""What accounts held of what was effective before a time T, as known after the event of a sequence S.

Along the history of an account and asset, sequences and the latest effective times so far both only grow. So there is
a last row up to which all entries count: the last one at S, or before S the last one whose latest effective time is
before T. Its running totals are what it takes of them. Of what came after that row up to S, only late entries can be
effective before T, since every other one is a latest time by itself. These are summed by blocks that have them in the
order of their effective times, down to less than 32 single ones.

How many rows that reads does not depend on how long the history is; of late entries, one for each 1,024.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, DateTime, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ledger.balance import Balance

# Each step is materialized. Otherwise an expression over one step would become part of a look-up in the next, and
# beside a policy only plain columns and leakproof operators reach an index.
#
# Each look-up is in an order that only one index has, so that none depends on statistics. Entries are looked up in the
# order of the whole primary key, into the next account if need be: with the account given, the index by transaction
# has their order, too, and looks better for an account with many entries. Late entries come by their numbers.
TOTALS_BEFORE = """
last AS MATERIALIZED (
    SELECT known.*
    FROM wanted
    CROSS JOIN LATERAL (
        SELECT account_number, asset, posted_debits, posted_credits, latest_effective_at, late AS late_known
        FROM entries
        WHERE ledger_id = :ledger AND (account_number, asset, sequence, position)
              <= (wanted.account_number, wanted.asset, :sequence, 2147483647)
        ORDER BY account_number DESC, asset DESC, sequence DESC, position DESC LIMIT 1
    ) AS known
    WHERE known.account_number = wanted.account_number AND known.asset = wanted.asset
),
start AS MATERIALIZED (
    SELECT last.*, coalesce(milestone.sequence, 1) AS sequence, coalesce(milestone.position, 0) AS position
    FROM last
    LEFT JOIN LATERAL (
        SELECT sequence, position FROM entries
        WHERE ledger_id = :ledger AND entries.account_number = last.account_number AND entries.asset = last.asset
          AND is_milestone AND entries.latest_effective_at < :before AND last.latest_effective_at >= :before
        ORDER BY entries.latest_effective_at DESC, sequence DESC, position DESC LIMIT 1
    ) AS milestone ON true
),
counted AS MATERIALIZED (
    SELECT start.account_number, start.asset, late_known, reached.*
    FROM start
    CROSS JOIN LATERAL (
        SELECT start.posted_debits, start.posted_credits, start.late_known AS late
        WHERE start.latest_effective_at < :before
        UNION ALL
        SELECT coalesce(max(posted_debits), 0), coalesce(max(posted_credits), 0), coalesce(max(late), 0)
        FROM (
            SELECT account_number, asset, posted_debits, posted_credits, late, latest_effective_at FROM entries
            WHERE ledger_id = :ledger AND (account_number, asset, sequence, position)
                  >= (start.account_number, start.asset, start.sequence, start.position)
              AND start.latest_effective_at >= :before
            ORDER BY account_number, asset, sequence, position LIMIT 64
        ) AS stretch
        WHERE account_number = start.account_number AND asset = start.asset AND latest_effective_at < :before
        HAVING start.latest_effective_at >= :before
    ) AS reached
),
bounds AS MATERIALIZED (
    SELECT *, CASE WHEN late_known / 1024 > late / 1024 THEN late / 1024 * 1024
                   WHEN late_known / 32 > late / 32 THEN late / 32 * 32
                   ELSE late END AS late_before_blocks,
           greatest(late_known / 32 * 32, late) AS late_before_rest
    FROM counted
),
totals AS (
    SELECT account_number, asset, (posted_debits + late_debits)::text AS debits,
           (posted_credits + late_credits)::text AS credits
    FROM bounds
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(debits), 0) AS late_debits, coalesce(sum(credits), 0) AS late_credits
        FROM (
            SELECT block.late_debits AS debits, block.late_credits AS credits
            FROM (
                SELECT 1024 AS size, generate_series(late / 1024 + 1, late_known / 1024) AS number
                UNION ALL
                SELECT 32, generate_series(greatest(late_known / 1024 * 32, late / 32) + 1, late_known / 32)
            ) AS of_late
            CROSS JOIN LATERAL (
                SELECT late_debits, late_credits FROM late_blocks
                WHERE ledger_id = :ledger AND late_blocks.account_number = bounds.account_number
                  AND late_blocks.asset = bounds.asset AND late_blocks.size = of_late.size
                  AND late_blocks.number = of_late.number AND effective_at < :before
                ORDER BY effective_at DESC, sequence DESC, position DESC LIMIT 1
            ) AS block
            UNION ALL
            SELECT CASE WHEN is_debit THEN amount ELSE 0 END, CASE WHEN is_debit THEN 0 ELSE amount END
            FROM (
                SELECT is_debit, amount, effective_at FROM late_entries
                WHERE ledger_id = :ledger AND late_entries.account_number = bounds.account_number
                  AND late_entries.asset = bounds.asset AND number > late_before_rest AND number <= late_known
                ORDER BY number LIMIT 32
            ) AS rest
            WHERE effective_at < :before
            UNION ALL
            -- What the first block has of what counts already.
            (
                SELECT late_debits, late_credits FROM late_entries
                WHERE ledger_id = :ledger AND late_entries.account_number = bounds.account_number
                  AND late_entries.asset = bounds.asset AND number <= late_before_blocks AND late_before_blocks < late
                ORDER BY number DESC LIMIT 1
            )
            UNION ALL
            (
                SELECT -late_debits, -late_credits FROM late_entries
                WHERE ledger_id = :ledger AND late_entries.account_number = bounds.account_number
                  AND late_entries.asset = bounds.asset AND number <= late AND late_before_blocks < late
                ORDER BY number DESC LIMIT 1
            )
        ) AS parts
        WHERE late < late_known
    ) AS sums
)
"""
_LEDGER = bindparam("ledger", type_=BigInteger)
_BOUNDS = (bindparam("before", type_=DateTime(timezone=True)), bindparam("sequence", type_=BigInteger))

# An amount is never zero: totals of zero say that there is no entry.
_OF_ACCOUNTS = text(f"""
WITH wanted AS (SELECT * FROM unnest(:accounts, :codes) AS wanted (account_number, asset)), {TOTALS_BEFORE}
SELECT account_number, asset, debits, credits FROM totals WHERE NOT (debits = '0' AND credits = '0')
ORDER BY account_number, asset
""").bindparams(  # noqa: S608 # of constants alone
    _LEDGER, *_BOUNDS, bindparam("codes", type_=ARRAY(Text)), bindparam("accounts", type_=ARRAY(BigInteger))
)
LINES_BEFORE = text(f"""
WITH wanted AS (
    SELECT account_number, asset FROM entries WHERE ledger_id = :ledger AND balance_version = 1
), {TOTALS_BEFORE}
SELECT path, type, asset, debits, credits, 0 AS balance_version, 0 AS sequence
FROM totals
CROSS JOIN LATERAL (
    SELECT path, type FROM accounts WHERE ledger_id = :ledger AND number >= totals.account_number
    ORDER BY number LIMIT 1
) AS account
WHERE NOT (debits = '0' AND credits = '0')
ORDER BY path, asset
""").bindparams(_LEDGER, *_BOUNDS)  # noqa: S608 # of constants alone


async def balances_before(
    connection: AsyncConnection,
    ledger_id: int,
    pairs: Sequence[tuple[int, str]],
    before: datetime,
    sequence: int,
) -> list[tuple[int, str, Balance]]:
    """Return what was posted to each account in an asset, up to the sequence and effective before the time.

    An asset in which that is nothing is left out.
    """
    parameters = {
        "ledger": ledger_id,
        "accounts": [number for number, _ in pairs],
        "codes": [code for _, code in pairs],
        "before": before,
        "sequence": sequence,
    }
    rows = await connection.execute(_OF_ACCOUNTS, parameters)
    return [(number, code, Balance(int(debits), int(credits))) for number, code, debits, credits in rows]

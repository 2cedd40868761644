"""Loading what is asked of a whole ledger: its results, and whether anything is left in it."""

import re
from datetime import datetime
from typing import Final

from adapters.postgres.ledger.readers.lookups import SEQUENCE_MAX
from adapters.postgres.ledger.readers.time_travel import TOTALS_BEFORE
from adapters.postgres.work import DriverConnection
from domain.ledger.changes import Results
from domain.ledger.scope import AccountAsset

# So many show that there are some, whatever the commands before in a group do about them.
UNSETTLED_MAX: Final = 20_000

_NAMED = re.compile(r"(?<!:):(ledger|before|sequence)\b")
_NUMBERED = {"ledger": "$1", "before": "$2", "sequence": "$3"}
# Each look-up is in an order that only one index has, so that none depends on statistics. Accounts come in the order of
# their types, which only the index of those that have results has; then the assets of each, one after the other: no
# account without results is read, and no asset that an account does not have.
_RESULTS = _NAMED.sub(
    lambda match: _NUMBERED[match.group(1)],
    f"""
WITH RECURSIVE of_results AS MATERIALIZED (
    SELECT number FROM accounts
    WHERE ledger_id = :ledger AND type IN ('income', 'expense')
    ORDER BY type, number
), wanted AS (
    SELECT first.account_number, first.asset
    FROM of_results
    CROSS JOIN LATERAL (
        SELECT account_number, asset FROM entries
        WHERE ledger_id = :ledger AND (account_number, asset) >= (of_results.number, '')
        ORDER BY account_number, asset, sequence, position LIMIT 1
    ) AS first
    WHERE first.account_number = of_results.number
    UNION ALL
    SELECT next.account_number, next.asset
    FROM wanted
    CROSS JOIN LATERAL (
        SELECT account_number, asset FROM entries
        WHERE ledger_id = :ledger AND (account_number, asset) > (wanted.account_number, wanted.asset)
        ORDER BY account_number, asset, sequence, position LIMIT 1
    ) AS next
    WHERE next.account_number = wanted.account_number
), {TOTALS_BEFORE}
SELECT account.path, totals.asset, (totals.debits::numeric - totals.credits::numeric)::text
FROM totals
CROSS JOIN LATERAL (
    SELECT path FROM accounts WHERE ledger_id = :ledger AND number >= totals.account_number ORDER BY number LIMIT 1
) AS account
WHERE totals.debits <> totals.credits
""",  # noqa: S608 # of constants alone
)
_UNSETTLED = """
SELECT account.path, first.asset
FROM entries AS first
CROSS JOIN LATERAL (
    SELECT posted_debits, posted_credits FROM entries
    WHERE ledger_id = $1 AND (account_number, asset, sequence, position)
          <= (first.account_number, first.asset, $3, 2147483647)
    ORDER BY account_number DESC, asset DESC, sequence DESC, position DESC LIMIT 1
) AS last
CROSS JOIN LATERAL (
    SELECT path FROM accounts WHERE ledger_id = $1 AND number >= first.account_number ORDER BY number LIMIT 1
) AS account
WHERE first.ledger_id = $1 AND first.balance_version = 1 AND last.posted_debits <> last.posted_credits
LIMIT $2
"""
_HELD = """
SELECT account.path, entry.asset
FROM holds
CROSS JOIN LATERAL (
    SELECT account_number, asset FROM hold_entries WHERE ledger_id = $1 AND hold_entries.sequence = holds.sequence
) AS entry
CROSS JOIN LATERAL (
    SELECT path FROM accounts WHERE ledger_id = $1 AND number >= entry.account_number ORDER BY number LIMIT 1
) AS account
WHERE holds.ledger_id = $1 AND holds.status = 'open'
LIMIT $2
"""


async def results_before(connection: DriverConnection, ledger_id: int, before: datetime) -> Results:
    """Return the net debits of all income and expense accounts, of entries that are effective before that time.

    No other accounts are read, and of these a bounded number of rows for each asset and each 1,024 late entries.
    """
    rows = await connection.fetch(_RESULTS, ledger_id, before, SEQUENCE_MAX)
    return {(path, code): int(net_debit) for path, code, net_debit in rows}


async def unsettled_keys(connection: DriverConnection, ledger_id: int) -> set[AccountAsset]:
    """Return on which accounts, in which assets, something is posted or held; at most 20,000 of each.

    It looks at every account in every asset: nothing less tells that a ledger is empty, and one is archived once.
    """
    posted = await connection.fetch(_UNSETTLED, ledger_id, UNSETTLED_MAX, SEQUENCE_MAX)
    held = await connection.fetch(_HELD, ledger_id, UNSETTLED_MAX)
    return {(path, code) for path, code in (*posted, *held)}

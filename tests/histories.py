"""Long histories, written at once: what posting them would leave in the tables that balances are read from.

The rows are worked out by window functions alone, and `test_time_travel_reads.py` holds them beside plain sums.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tests.builders import NOW

BEGINNING: Final = NOW - timedelta(days=7_000)
HOT: Final = "assets:hot"
# One entry in so many is on the hot account.
HOT_EVERY: Final = 10

_ASSET = "INSERT INTO assets (organisation_id, ledger_id, code, scale, version) VALUES ($1, $2, 'EUR', 2, 1)"
# The ledger's first event creates it, and the hot account is opened by the second.
_ACCOUNTS = """
INSERT INTO accounts (organisation_id, ledger_id, number, path, type, status, metadata, version, opened_at)
SELECT $1, $2, number, CASE number WHEN 2 THEN 'assets:hot' ELSE 'assets:cold:' || number END, 'asset', 'open', '{}', 1,
       $4
FROM generate_series(2, 2 + $3::bigint) AS number
"""
# Of the log, only its head, which reports look at.
_HEAD = """
INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
VALUES ($1, $2, $3, $4, sha256(''), '')
"""
# Transaction n, which is effective at minute n, is of 0.01 EUR from a cold account to another one, or to the hot one
# if n is a multiple of five. Those that are late are effective at some minute before that, or, where all are to be
# late, at any minute after the first, which is then the last. 7,919 and 104,729 are prime: they scatter.
_ENTRIES = """
WITH numbered AS MATERIALIZED (
    SELECT *, count(*) FILTER (WHERE effective_at < latest_effective_at) OVER so_far AS late
    FROM (
        SELECT *, max(effective_at) OVER so_far AS latest_effective_at, row_number() OVER so_far AS balance_version,
               count(*) FILTER (WHERE is_debit) OVER so_far AS debits,
               count(*) FILTER (WHERE NOT is_debit) OVER so_far AS credits
        FROM (
            SELECT $3 + 3 + n AS sequence, place AS position, place = 0 AS is_debit,
                   CASE WHEN place = 0 AND n % 5 = 0 THEN 2 ELSE 3 + (2 * n + place) * 7919 % $3 END AS account_number,
                   $6::timestamptz + interval '1 minute' * CASE
                       WHEN $5 AND n < 5 THEN $4 + n
                       WHEN $5 THEN n * 104729 % $4
                       WHEN n / 5 % 100 = 99 THEN n * 104729 % n
                       ELSE n
                   END AS effective_at
            FROM generate_series(0, $4::bigint - 1) AS n CROSS JOIN generate_series(0, 1) AS place
        ) AS lines
        WINDOW so_far AS (PARTITION BY account_number ORDER BY sequence, position)
    ) AS running
    WINDOW so_far AS (PARTITION BY account_number ORDER BY sequence, position)
), posted AS (
    INSERT INTO entries (organisation_id, ledger_id, account_number, sequence, position, is_debit, asset, amount,
                         posted_debits, posted_credits, balance_version, latest_effective_at, late, is_milestone)
    SELECT $1, $2, account_number, sequence, position, is_debit, 'EUR', 1, debits, credits, balance_version,
           latest_effective_at, late, balance_version % 64 = 0
    FROM numbered ORDER BY sequence, position
)
INSERT INTO late_entries (organisation_id, ledger_id, account_number, asset, number, sequence, position, effective_at,
                          is_debit, amount, late_debits, late_credits)
SELECT $1, $2, account_number, 'EUR', late, sequence, position, effective_at, is_debit, 1,
       count(*) FILTER (WHERE is_debit) OVER so_far, count(*) FILTER (WHERE NOT is_debit) OVER so_far
FROM numbered
WHERE effective_at < latest_effective_at
WINDOW so_far AS (PARTITION BY account_number ORDER BY late)
"""
_BLOCKS = """
INSERT INTO late_blocks (organisation_id, ledger_id, account_number, asset, size, number, effective_at, sequence,
                         position, late_debits, late_credits)
SELECT organisation_id, ledger_id, account_number, asset, size, block, effective_at, sequence, position,
       count(*) FILTER (WHERE is_debit) OVER so_far, count(*) FILTER (WHERE NOT is_debit) OVER so_far
FROM (
    SELECT *, (number - 1) / size + 1 AS block, count(*) OVER (PARTITION BY account_number, size) AS so_many
    FROM late_entries CROSS JOIN (VALUES (32), (1024)) AS sizes (size)
    WHERE ledger_id = $1
) AS sized
WHERE block * size <= so_many
WINDOW so_far AS (PARTITION BY account_number, size, block ORDER BY effective_at, sequence, position)
"""


@dataclass(frozen=True, slots=True)
class History:
    """A ledger's history: how many entries it has, over how many cold accounts, and whether nearly all are late.

    Otherwise one in a hundred is.
    """

    entries: int
    accounts: int
    is_all_late: bool = False

    @property
    def transactions(self) -> int:
        """How many transactions it has; the first is number 0."""
        return self.entries // 2

    def sequence_of(self, transaction: int) -> int:
        """The sequence at which a transaction stands."""
        return self.accounts + 3 + transaction

    def minute_of(self, transaction: int) -> int:
        """The minute at which it is effective."""
        if self.is_all_late:
            return self.transactions + transaction if transaction < 5 else transaction * 104_729 % self.transactions
        return transaction * 104_729 % transaction if transaction // 5 % 100 == 99 else transaction

    def hot_debits(self, before: int | None, sequence: int | None) -> int:
        """What the hot account holds in minor units, summed one by one."""
        return sum(
            (before is None or self.minute_of(transaction) < before)
            and (sequence is None or self.sequence_of(transaction) <= sequence)
            for transaction in range(0, self.transactions, 5)
        )

    async def write(self, superuser: Any, organisation_id: int, ledger_id: int) -> None:
        """Write it into a ledger of which nothing is there but its creation."""
        await superuser.execute(_ASSET, organisation_id, ledger_id)
        await superuser.execute(_ACCOUNTS, organisation_id, ledger_id, self.accounts, BEGINNING)
        await superuser.execute(
            _ENTRIES, organisation_id, ledger_id, self.accounts, self.transactions, self.is_all_late, BEGINNING
        )
        await superuser.execute(_BLOCKS, ledger_id)
        last = self.sequence_of(self.transactions - 1)
        await superuser.execute(_HEAD, organisation_id, ledger_id, last, BEGINNING)


def minute(number: int) -> datetime:
    """The time of a minute of a history."""
    return BEGINNING + timedelta(minutes=number)

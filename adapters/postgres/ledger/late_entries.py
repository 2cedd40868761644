"""Late entries: each is filed a second time, and each 32 and each 1,024 of an account and asset are put in order.

A group without any has no statement for them. `readers/time_travel.py` says what they are for.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from adapters.postgres.work import DriverConnection
from domain.ledger.effect import Line
from domain.ledger.transaction import Direction

# Each is a multiple of the one before, so that blocks of one size are whole numbers of blocks of the other.
BLOCK_SIZES: Final = (32, 1024)

_INSERT_LATE_ENTRIES = """
INSERT INTO late_entries (organisation_id, ledger_id, account_number, asset, number, sequence, position, effective_at,
                          is_debit, amount, late_debits, late_credits)
SELECT $1, $2, rows.account_number, rows.asset, rows.number, rows.sequence, rows.position, rows.effective_at,
       rows.is_debit, rows.amount::numeric,
       coalesce(before.late_debits, 0) + sum(CASE WHEN rows.is_debit THEN rows.amount::numeric ELSE 0 END) OVER so_far,
       coalesce(before.late_credits, 0) + sum(CASE WHEN rows.is_debit THEN 0 ELSE rows.amount::numeric END) OVER so_far
FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::integer[], $9::timestamptz[],
            $10::boolean[], $11::text[])
    AS rows (account_number, asset, number, number_before, sequence, position, effective_at, is_debit, amount)
LEFT JOIN LATERAL (
    SELECT late_debits, late_credits FROM late_entries
    WHERE ledger_id = $2 AND late_entries.account_number = rows.account_number AND late_entries.asset = rows.asset
      AND late_entries.number <= rows.number_before
    ORDER BY late_entries.number DESC LIMIT 1
) AS before ON true
WINDOW so_far AS (PARTITION BY rows.account_number, rows.asset ORDER BY rows.number)
"""
# Entries are looked up in the order of their numbers, so that the primary key is used, which alone has it. Hence the
# limit, too, which no block reaches: without it nothing would be in any order.
_INSERT_LATE_BLOCKS = """
INSERT INTO late_blocks (organisation_id, ledger_id, account_number, asset, size, number, effective_at, sequence,
                         position, late_debits, late_credits)
SELECT $1, $2, block.account_number, block.asset, block.size, block.number, late.effective_at, late.sequence,
       late.position,
       sum(CASE WHEN late.is_debit THEN late.amount ELSE 0 END) OVER so_far,
       sum(CASE WHEN late.is_debit THEN 0 ELSE late.amount END) OVER so_far
FROM unnest($3::bigint[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[])
    AS block (account_number, asset, size, number, first, last)
CROSS JOIN LATERAL (
    SELECT effective_at, sequence, position, is_debit, amount FROM late_entries
    WHERE ledger_id = $2 AND late_entries.account_number = block.account_number AND late_entries.asset = block.asset
      AND late_entries.number >= block.first AND late_entries.number <= block.last
    ORDER BY late_entries.number LIMIT 1000000
) AS late
WINDOW so_far AS (
    PARTITION BY block.account_number, block.asset, block.size, block.number
    ORDER BY late.effective_at, late.sequence, late.position
)
"""


def empty_columns(count: int) -> tuple[list[Any], ...]:
    """Return so many empty columns, for rows to insert."""
    return tuple([] for _ in range(count))


@dataclass(slots=True)
class LateRows:
    """Columns of what a group files of late entries, and of the blocks that they fill."""

    entries: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(9))
    blocks: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(6))
    numbers_before: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, sequence: int, position: int, line: Line, effective_at: datetime) -> None:
        """Add a line that is late, after all those of its account and asset that came before."""
        number, account_number, asset = line.balance.late, line.account.number, line.entry.asset.code
        before = self.numbers_before.setdefault((account_number, asset), number - 1)
        is_debit = line.entry.direction is Direction.DEBIT
        row = (
            account_number,
            asset,
            number,
            before,
            sequence,
            position,
            effective_at,
            is_debit,
            str(line.entry.amount),
        )
        for column, value in zip(self.entries, row, strict=True):
            column.append(value)
        for size in BLOCK_SIZES:
            if number % size == 0:
                block = (account_number, asset, size, number // size, number - size + 1, number)
                for column, value in zip(self.blocks, block, strict=True):
                    column.append(value)

    async def insert(self, connection: DriverConnection, organisation_id: int, ledger_id: int) -> None:
        """Insert the rows, if there are any: one statement for the entries, and one for the blocks."""
        if self.entries[0]:
            await connection.execute(_INSERT_LATE_ENTRIES, organisation_id, ledger_id, *self.entries)
        if self.blocks[0]:
            await connection.execute(_INSERT_LATE_BLOCKS, organisation_id, ledger_id, *self.blocks)

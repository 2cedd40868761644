"""A ceiling: how fast PostgreSQL takes rows that are there already, by plain COPY."""

import re
import time
from dataclasses import dataclass
from typing import Final

import asyncpg

from tests.bench.stage import Books, Stage

# The tables that posting a transaction writes to, and what they are read by.
_ROWS: Final = {
    "event_log": "stream_id = $1 AND sequence <= $2 ORDER BY sequence",
    "transactions": "ledger_id = $1 AND sequence <= $2 ORDER BY sequence",
    "entries": "ledger_id = $1 AND sequence <= $2 ORDER BY sequence, position",
}
_LAST = "SELECT sequence FROM transactions WHERE ledger_id = $1 ORDER BY sequence OFFSET $2 LIMIT 1"


@dataclass(frozen=True, slots=True)
class Copied:
    """How much was copied, and how long that took."""

    transactions: int
    rows: int
    seconds: float


async def copied(stage: Stage, books: Books, transactions_max: int) -> Copied:
    """Copy a ledger's first transactions into tables like their own, with the same indexes, in one transaction.

    The rows come from files in the binary format of COPY, in the order in which they were written.
    """
    transactions = min(transactions_max, books.posted)
    connection = await asyncpg.connect(stage.urls.database_url)
    try:
        ledger_id = await stage.ledger_id(connection, books)
        last = await connection.fetchval(_LAST, ledger_id, transactions - 1)
        for table, rows in _ROWS.items():
            await connection.copy_from_query(
                f"SELECT * FROM {table} WHERE {rows}",  # noqa: S608 # both are written above
                ledger_id,
                last,
                output=stage.folder / f"{table}.copy",
                format="binary",
            )
            await connection.execute(f"CREATE TABLE {table}_copied (LIKE {table} INCLUDING ALL)")
        # What was written before shall not be paid for now.
        await connection.execute("CHECKPOINT")
        copied_rows = 0
        began = time.perf_counter()
        async with connection.transaction():
            for table in _ROWS:
                said = await connection.copy_to_table(
                    f"{table}_copied", source=stage.folder / f"{table}.copy", format="binary"
                )
                copied_rows += int(re.sub(r"\D", "", said))
        seconds = time.perf_counter() - began
    finally:
        await connection.close()
    return Copied(transactions, copied_rows, seconds)

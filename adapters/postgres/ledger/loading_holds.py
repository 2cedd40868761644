"""Loading holds, and transactions to be reversed: with their entries, and with what is left of each side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.work import DriverConnection
from application.ledger.sizes import require_loadable
from domain.ledger.book import Book
from domain.ledger.hold import Hold, HoldStatus
from domain.ledger.posted import PostedTransaction
from domain.ledger.scope import AccountAsset
from domain.ledger.transaction import Direction, Entry, Side, TransactionKind, sides_of

_HOLDS = """
SELECT found.*
FROM unnest($2::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT sequence, id, reference, description, metadata, expires_at, status, entries FROM holds
    WHERE ledger_id = $1 AND holds.id = wanted.id LIMIT 1
) AS found
"""
# Each transaction, and those that it reverses in its turn.
_LINEAGES = """
WITH RECURSIVE lineage AS (
    SELECT found.*
    FROM unnest($2::uuid[]) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT sequence, id, reference, metadata, kind, effective_at, version, reverses FROM transactions
        WHERE ledger_id = $1 AND transactions.id = wanted.id LIMIT 1
    ) AS found
    UNION
    SELECT reversed.*
    FROM lineage
    CROSS JOIN LATERAL (
        SELECT sequence, id, reference, metadata, kind, effective_at, version, reverses FROM transactions
        WHERE ledger_id = $1 AND transactions.sequence = lineage.reverses LIMIT 1
    ) AS reversed
)
SELECT * FROM lineage
"""
_ENTRIES = """
SELECT entry.sequence, account.path, entry.account_number, entry.is_debit, entry.asset, entry.amount::text
FROM unnest($2::bigint[]) AS wanted (sequence)
CROSS JOIN LATERAL (
    SELECT sequence, position, account_number, is_debit, asset, amount FROM {table}
    WHERE ledger_id = $1 AND {table}.sequence = wanted.sequence
    ORDER BY position LIMIT 100000
) AS entry
CROSS JOIN LATERAL (
    SELECT path FROM accounts WHERE ledger_id = $1 AND number = entry.account_number LIMIT 1
) AS account
ORDER BY entry.sequence, entry.position
"""
# An entry's position tells how many there are before it.
_COUNT_ENTRIES = """
SELECT coalesce(sum(last.position + 1), 0)
FROM unnest($2::bigint[]) AS wanted (sequence)
CROSS JOIN LATERAL (
    SELECT position FROM entries WHERE ledger_id = $1 AND entries.sequence = wanted.sequence
    ORDER BY entries.sequence DESC, position DESC LIMIT 1
) AS last
"""
_HOLD_ENTRIES, _TRANSACTION_ENTRIES = _ENTRIES.format(table="hold_entries"), _ENTRIES.format(table="entries")
# Of each side, the row of the last event that left something of it; however often something was taken.
_REMAINDERS = """
SELECT wanted.place, last.remaining::text
FROM unnest($2::bigint[], $3::bigint[], $4::boolean[], $5::text[])
    WITH ORDINALITY AS wanted (sequence, account_number, is_debit, asset, place)
CROSS JOIN LATERAL (
    SELECT remaining FROM remainders
    WHERE ledger_id = $1 AND of_sequence = wanted.sequence AND remainders.account_number = wanted.account_number
      AND remainders.is_debit = wanted.is_debit AND remainders.asset = wanted.asset
    ORDER BY remainders.sequence DESC LIMIT 1
) AS last
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A row of a hold or a transaction, its entries, and what is left of the sides of which something was taken."""

    row: Any
    is_hold: bool
    reverses: str | None
    entries: tuple[Any, ...]
    left: Mapping[Side, int]

    @property
    def keys(self) -> set[AccountAsset]:
        """Return on which accounts, in which assets, it has entries."""
        return {(entry["path"], entry["asset"]) for entry in self.entries}

    def put_into(self, book: Book) -> None:
        """Add it to a book that has its assets."""
        row = self.row
        entries = tuple(
            Entry(each["path"], _direction(each), int(each["amount"]), book.assets[each["asset"]])
            for each in self.entries
        )
        left = {**sides_of(entries), **self.left}
        if self.is_hold:
            id = outward_id("hold", row["id"])
            book.holds[id] = Hold(
                row["sequence"],
                id,
                entries,
                left,
                row["expires_at"],
                row["reference"],
                row["description"],
                row["metadata"],
                HoldStatus(row["status"]),
            )
            return
        id = outward_id("txn", row["id"])
        book.transactions[id] = PostedTransaction(
            row["sequence"],
            id,
            row["reference"],
            row["metadata"],
            entries,
            row["effective_at"],
            TransactionKind(row["kind"]),
            self.reverses,
            left if self.left else None,
            row["version"],
        )


async def find_holds(connection: DriverConnection, ledger_id: int, ids: Iterable[str]) -> list[Found]:
    """Return those of the holds that there are."""
    stored = [each for id in ids if (each := stored_id("hold", id))]
    rows = await connection.fetch(_HOLDS, ledger_id, stored)
    require_loadable(sum(row["entries"] for row in rows))
    sequences = [row["sequence"] for row in rows]
    entries = await _by_sequence(connection, _HOLD_ENTRIES, ledger_id, sequences)
    left = await _remainders(connection, ledger_id, entries)
    return [Found(row, True, None, tuple(entries[row["sequence"]]), left.get(row["sequence"], {})) for row in rows]


async def find_reversals(connection: DriverConnection, ledger_id: int, ids: Iterable[str]) -> list[Found]:
    """Return those of the transactions that there are, and those that they reverse in their turn."""
    stored = [each for id in ids if (each := stored_id("txn", id))]
    rows = {row["sequence"]: row for row in await connection.fetch(_LINEAGES, ledger_id, stored)}
    require_loadable(await connection.fetchval(_COUNT_ENTRIES, ledger_id, list(rows)))
    entries = await _by_sequence(connection, _TRANSACTION_ENTRIES, ledger_id, list(rows))
    left = await _remainders(connection, ledger_id, entries)
    found = []
    for sequence, row in rows.items():
        reverses = None if row["reverses"] is None else outward_id("txn", rows[row["reverses"]]["id"])
        found.append(Found(row, False, reverses, tuple(entries[sequence]), left.get(sequence, {})))
    return found


async def _by_sequence(
    connection: DriverConnection, statement: str, ledger_id: int, sequences: list[int]
) -> dict[int, list[Any]]:
    rows: dict[int, list[Any]] = {}
    for row in await connection.fetch(statement, ledger_id, sequences):
        rows.setdefault(row["sequence"], []).append(row)
    return rows


async def _remainders(
    connection: DriverConnection, ledger_id: int, entries: Mapping[int, Sequence[Any]]
) -> dict[int, dict[Side, int]]:
    """Return what is left of the sides of which something was taken, by the sequences of what has these entries."""
    sides = {
        (sequence, row["account_number"], row["is_debit"], row["asset"]): row
        for sequence, of_sequence in entries.items()
        for row in of_sequence
    }
    if not sides:
        return {}
    columns = [list(column) for column in zip(*sides, strict=True)]
    left: dict[int, dict[Side, int]] = {}
    rows = list(sides.values())
    for place, remaining in await connection.fetch(_REMAINDERS, ledger_id, *columns):
        row = rows[place - 1]
        side = (row["path"], _direction(row), row["asset"])
        left.setdefault(row["sequence"], {})[side] = int(remaining)
    return left


def _direction(row: Any) -> Direction:
    return Direction.DEBIT if row["is_debit"] else Direction.CREDIT

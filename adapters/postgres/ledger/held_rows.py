"""Rows of holds, of what is held on accounts, and of what is left of holds and transactions: all of them inserted."""

from dataclasses import dataclass, field
from typing import Any

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.metadata_rows import to_json
from adapters.postgres.work import DriverConnection
from application.ledger.ports import Applied
from domain.ledger.effect import Effect
from domain.ledger.events import HoldPlaced
from domain.ledger.transaction import Direction

_INSERT_HOLDS = """
INSERT INTO holds (organisation_id, ledger_id, sequence, id, reference, description, metadata, expires_at, placed_at,
                   status, entries)
SELECT $1, $2, sequence, id, reference, description, metadata::jsonb, expires_at, placed_at, 'open', entries
FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::integer[])
    AS rows (sequence, id, reference, description, metadata, expires_at, placed_at, entries)
"""
_INSERT_ENTRIES = """
INSERT INTO hold_entries (organisation_id, ledger_id, sequence, position, account_number, is_debit, asset, amount)
SELECT $1, $2, sequence, position, account_number, is_debit, asset, amount::numeric
FROM unnest($3::bigint[], $4::integer[], $5::bigint[], $6::boolean[], $7::text[], $8::text[])
    AS rows (sequence, position, account_number, is_debit, asset, amount)
"""
_INSERT_TOTALS = """
INSERT INTO held_totals (organisation_id, ledger_id, account_number, asset, sequence, held_debits, held_credits)
SELECT $1, $2, account_number, asset, sequence, held_debits::numeric, held_credits::numeric
FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[])
    AS rows (account_number, asset, sequence, held_debits, held_credits)
"""
_INSERT_REMAINDERS = """
INSERT INTO remainders (organisation_id, ledger_id, of_sequence, account_number, is_debit, asset, sequence, remaining)
SELECT $1, $2, of_sequence, account_number, is_debit, asset, sequence, remaining::numeric
FROM unnest($3::bigint[], $4::bigint[], $5::boolean[], $6::text[], $7::bigint[], $8::text[])
    AS rows (of_sequence, account_number, is_debit, asset, sequence, remaining)
"""


@dataclass(slots=True)
class HeldRows:
    """Rows to insert, gathered over a group."""

    holds: list[tuple[Any, ...]] = field(default_factory=list)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    totals: list[tuple[Any, ...]] = field(default_factory=list)
    remainders: list[tuple[Any, ...]] = field(default_factory=list)

    def add_hold(self, sequence: int, event: HoldPlaced, applied: Applied) -> None:
        """Add the rows of a hold that is placed."""
        metadata = to_json(dict(event.metadata))
        self.holds.append(
            (
                sequence,
                stored_id("hold", event.id),
                event.reference,
                event.description,
                metadata,
                event.expires_at,
                applied.recorded_at,
                len(event.entries),
            )
        )
        numbers = {line.account.path: line.account.number for line in applied.effect.held}
        for position, entry in enumerate(event.entries):
            is_debit = entry.direction is Direction.DEBIT
            code, amount = entry.asset.code, str(entry.amount)
            self.entries.append((sequence, position, numbers[entry.account], is_debit, code, amount))

    def add_effect(self, sequence: int, effect: Effect) -> None:
        """Add the rows of what an event leaves held, and left."""
        for line in effect.held:
            debits, credits = str(line.held.debits), str(line.held.credits)
            self.totals.append((line.account.number, line.asset, sequence, debits, credits))
        for left in effect.left:
            is_debit = left.direction is Direction.DEBIT
            self.remainders.append((left.number, left.account.number, is_debit, left.asset, sequence, str(left.left)))

    async def insert(self, connection: DriverConnection, organisation_id: int, ledger_id: int) -> None:
        """Insert them, each kind with one statement."""
        for statement, rows in (
            (_INSERT_HOLDS, self.holds),
            (_INSERT_ENTRIES, self.entries),
            (_INSERT_TOTALS, self.totals),
            (_INSERT_REMAINDERS, self.remainders),
        ):
            if rows:
                columns = [list(column) for column in zip(*rows, strict=True)]
                await connection.execute(statement, organisation_id, ledger_id, *columns)

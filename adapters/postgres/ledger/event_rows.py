"""Events as they are stored, and the way back from there."""

import json
from typing import Any

from adapters.postgres.work import DriverConnection
from application.ledger.ports import Applied, KnownKey, Outcome
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.book import Line
from domain.ledger.events import Event, TransactionPosted, parse_event
from domain.shared.chain import Recorded, parse_time

_EVENTS = """
SELECT sequence, content, hash, lag(hash) OVER (ORDER BY sequence) AS previous_hash FROM event_log
WHERE stream_id = $1 AND sequence BETWEEN $2 - 1 AND $3
ORDER BY sequence
"""
_LINES = """
SELECT entries.position, accounts.number, accounts.path, accounts.type, posted_debits::text, posted_credits::text,
       balance_version
FROM entries JOIN accounts ON accounts.ledger_id = $1 AND accounts.number = entries.account_number
WHERE entries.ledger_id = $1 AND entries.sequence = $2
ORDER BY entries.position
"""
_SCALES = "SELECT code, scale FROM assets WHERE ledger_id = $1"


async def recalled(connection: DriverConnection, ledger_id: int, known: KnownKey) -> Outcome:
    """Return the outcome whose events stand from the key's first sequence to its last."""
    rows = await connection.fetch(_EVENTS, ledger_id, known.first_sequence, known.last_sequence)
    # A scale that was in use is fixed, so today's scales are those of that time.
    assets = {code: Asset(code, scale) for code, scale in await connection.fetch(_SCALES, ledger_id)}
    applied = []
    for row in rows:
        if row["sequence"] < known.first_sequence:
            continue
        document = json.loads(row["content"])
        event = parse_event(document["type"], document["data"], assets.__getitem__)
        recorded: Recorded[Event] = Recorded(
            row["sequence"],
            document["id"],
            parse_time(document["recorded_at"]),
            event,
            row["content"],
            row["previous_hash"],
            row["hash"],
        )
        lines: tuple[Line, ...] = ()
        if isinstance(event, TransactionPosted):
            of_event = await connection.fetch(_LINES, ledger_id, row["sequence"])
            lines = tuple(_line(event, each) for each in of_event)
        applied.append(Applied(event, lines, recorded.recorded_at, recorded))
    return Outcome(tuple(applied), replayed=True)


def _line(event: TransactionPosted, row: Any) -> Line:
    position, number, path, account_type, debits, credits, version = row
    account = Account(number, path, AccountType(account_type))
    return Line(event.entries[position], account, Balance(int(debits), int(credits), version))

"""Events as they are stored, and the way back from there."""

import json
from collections.abc import Mapping
from typing import Any

from adapters.postgres.work import DriverConnection
from application.ledger.ports import Applied, KnownKey, Outcome
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.effect import NO_EFFECT, Effect, Line
from domain.ledger.events import Event, TransactionPosted
from domain.ledger.events.parsing import parse_event
from domain.ledger.transaction import Entry
from domain.shared.chain import Recorded, parse_time

# Both are looked up by key, as many at once as a group asks for.
_EVENTS = """
SELECT found.*
FROM unnest($2::bigint[]) AS wanted (sequence)
CROSS JOIN LATERAL (
    SELECT sequence, content, hash FROM event_log WHERE stream_id = $1 AND event_log.sequence = wanted.sequence LIMIT 1
) AS found
"""
_LINES = """
SELECT lines.sequence, lines.position, accounts.number, accounts.path, accounts.type, lines.posted_debits::text,
       lines.posted_credits::text, lines.balance_version
FROM unnest($2::bigint[]) AS wanted (sequence)
CROSS JOIN LATERAL (
    SELECT sequence, position, account_number, posted_debits, posted_credits, balance_version FROM entries
    WHERE ledger_id = $1 AND entries.sequence = wanted.sequence
) AS lines
CROSS JOIN LATERAL (
    SELECT number, path, type FROM accounts WHERE ledger_id = $1 AND number = lines.account_number LIMIT 1
) AS accounts
"""
_SCALES = "SELECT code, scale FROM assets WHERE ledger_id = $1"


async def recalled(connection: DriverConnection, ledger_id: int, known: Mapping[str, KnownKey]) -> dict[str, Outcome]:
    """Return the outcome of each key: the events from its first sequence to its last, and the lines that they added."""
    sequences = {
        sequence for use in known.values() for sequence in range(use.first_sequence - 1, use.last_sequence + 1)
    }
    rows = {row["sequence"]: row for row in await connection.fetch(_EVENTS, ledger_id, list(sequences))}
    # A scale that was in use is fixed, so today's scales are those of that time.
    assets = {code: Asset(code, scale) for code, scale in await connection.fetch(_SCALES, ledger_id)}
    lines: dict[int, dict[int, Any]] = {}
    for row in await connection.fetch(_LINES, ledger_id, list(sequences)):
        lines.setdefault(row["sequence"], {})[row["position"]] = row
    return {
        key: Outcome(
            tuple(
                _applied(rows[sequence], rows[sequence - 1]["hash"], assets, lines.get(sequence, {}))
                for sequence in range(use.first_sequence, use.last_sequence + 1)
            ),
            replayed=True,
        )
        for key, use in known.items()
    }


def _applied(row: Any, previous_hash: bytes, assets: Mapping[str, Asset], lines: Mapping[int, Any]) -> Applied:
    document = json.loads(row["content"])
    event = parse_event(document["type"], document["data"], assets.__getitem__)
    recorded_at = parse_time(document["recorded_at"])
    recorded: Recorded[Event] = Recorded(
        row["sequence"], document["id"], recorded_at, event, row["content"], previous_hash, row["hash"]
    )
    if not isinstance(event, TransactionPosted):
        return Applied(event, NO_EFFECT, recorded_at, recorded)
    of_event = tuple(_line(entry, lines[position]) for position, entry in enumerate(event.entries))
    return Applied(event, Effect(of_event), recorded_at, recorded)


def _line(entry: Entry, row: Any) -> Line:
    account = Account(row["number"], row["path"], AccountType(row["type"]))
    balance = Balance(int(row["posted_debits"]), int(row["posted_credits"]), row["balance_version"], row["sequence"])
    return Line(entry, account, balance)

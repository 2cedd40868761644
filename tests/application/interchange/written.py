"""Small ledgers, as their events, written in a format; and a naive parser for each format, which owes it nothing."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any

from adapters.memory import CountedIds
from application.interchange.export_ledger import LedgerFormat, export_ledger
from application.ledger.log import always
from application.ledger.readers import StoredEvent
from domain.ledger.events import Event
from domain.shared.chain import Head, record
from tests.application.stored_log import SLUG, StoredLog
from tests.builders import AUTHOR, NOW, principal

Balances = dict[tuple[str, str], Decimal]  # debit-positive, by account and asset; nothing of zero


def stored(events: Sequence[Event]) -> list[StoredEvent]:
    """The events as a ledger's log, all recorded at once."""
    ids, head, log = CountedIds(), Head(), []
    for event in events:
        recorded = record(event, head, id=ids.new("evt"), author=AUTHOR, recorded_at=NOW)
        head = recorded.head
        log.append(StoredEvent(recorded.sequence, recorded.content, recorded.previous_hash, recorded.hash, NOW))
    return log


async def written(events: Sequence[Event], written_as: LedgerFormat, *, until: int | None = None) -> str:
    """The ledger of these events as a file."""
    log = StoredLog(stored(events))
    until = len(events) if until is None else until
    parts = export_ledger(log, always(principal()), SLUG, written_as, until=until)
    return b"".join([part async for part in parts]).decode()


def nonzero(balances: Balances) -> Balances:
    return {key: balance for key, balance in balances.items() if balance}


_POSTING = re.compile(r'    (\S+)  (-?[0-9.]+) "([^"]+)"(?: = (-?[0-9.]+) "\3")?')


def read_journal(text: str) -> Balances:
    """Balances of a journal; its assertions have to agree with them."""
    balances: Balances = {}
    for line in text.split("\n"):
        match = _POSTING.fullmatch(line)
        if match is not None:
            account, amount, asset, asserted = match.groups()
            total = balances[account, asset] = balances.get((account, asset), Decimal(0)) + Decimal(amount)
            assert asserted is None or Decimal(asserted) == total
        elif line.startswith("    "):
            assert line.startswith("    ; ")
    return nonzero(balances)


def read_csv(text: str) -> Balances:
    """Balances of lines of entries."""
    balances: Balances = {}
    for row in csv.DictReader(StringIO(text, newline="")):
        key = (row["account"].removeprefix("'"), row["asset"])
        balances[key] = balances.get(key, Decimal(0)) + Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    return nonzero(balances)


def read_comments(text: str) -> Iterator[tuple[int, str, Any]]:
    """The comments in which events stand: their sequence, their type and what is said."""
    for line in text.replace("\n;+", "").split("\n"):
        match = re.fullmatch(r"; ([0-9]+) \S+ ([a-z]+\.[a-z]+) (\{.*\})", line)
        if match is not None:
            yield int(match[1]), match[2], json.loads(match[3])

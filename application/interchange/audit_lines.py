"""The audit log as a file: lines of JSON, or CSV, however long it is."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from application.interchange.csv_lines import csv_lines
from application.ledger.audit_reader import AUDIT_SORT, AuditEntry, AuditFilter
from application.ledger.readers import LedgerReads
from application.shared.pagination import PageRequest
from application.shared.ports import Work
from domain.shared.access import Permission, Principal
from domain.shared.chain import format_time

COLUMNS: Final = (
    "at",
    "ledger",
    "sequence",
    "id",
    "type",
    "actor",
    "request_id",
    "credential",
    "address",
    "user_agent",
    "data",
)
_CHUNK_ENTRIES: Final = 500


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as it is shown; `before` and `after` are there for changes."""
    document = {
        "at": format_time(entry.at),
        "ledger": entry.ledger,
        "sequence": entry.sequence,
        "id": entry.id,
        "type": entry.type,
        "actor": entry.actor,
        "request_id": entry.request_id,
        "credential": entry.credential,
        "address": entry.address,
        "user_agent": entry.user_agent,
        "data": entry.data,
    }
    if entry.before is not None:
        document["before"] = entry.before
    if entry.after is not None:
        document["after"] = entry.after
    return document


def entries_as_json(entries: Iterable[AuditEntry]) -> bytes:
    """Return entries as lines of JSON."""
    return b"".join([_json(entry_document(entry)).encode() + b"\n" for entry in entries])


def entries_as_csv(entries: Iterable[AuditEntry]) -> bytes:
    """Return entries as lines of CSV with the columns `COLUMNS`; before and after stand in the data."""
    documents = map(entry_document, entries)
    rows = ([_cell(document[column]) for column in COLUMNS] for document in documents)
    return "".join(csv_lines(rows)).encode()


def csv_header() -> bytes:
    """Return the line that names the columns."""
    return "".join(csv_lines([COLUMNS])).encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return _json(value) if isinstance(value, dict) else str(value)


async def read_audit_log(
    work: Work[LedgerReads, object], asking: Callable[[], Awaitable[Principal]], where: AuditFilter, *, until: datetime
) -> AsyncIterator[Sequence[AuditEntry]]:
    """Yield the entries up to the time `until` (UTC), the newest first, some at a time.

    Each chunk is read in a short view of its own, for who is `asking` by then, and may be empty. Raises what `asking`
    does, `PermissionDenied`, `ValidationFailed`, `StoreUnavailable`.
    """
    at = where.at
    if at.lt is None and at.lte is None:
        where = replace(where, at=replace(at, lte=until))
    page = PageRequest(AUDIT_SORT, _CHUNK_ENTRIES)
    while True:
        async with work.read(await asking(), Permission.AUDIT_LOG_READ) as reads:
            found = await reads.audit.entries(where, page)
        yield found.items
        if found.next_after is None:
            return
        page = replace(page, after=found.next_after)

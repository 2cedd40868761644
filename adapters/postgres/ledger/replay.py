"""Replaying a ledger's log into projections.

Fresh ones beside those that are kept are temporary tables with the names of the real ones. Temporary tables come first
in the search path, so the very statements that wrote the real ones read and write these.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from adapters.postgres.ledger.loading import load_into
from adapters.postgres.ledger.projections import project
from adapters.postgres.tables import PROJECTIONS
from adapters.postgres.work import DriverConnection
from application.ledger.log import Progress
from application.ledger.ports import Applied
from domain.ledger.book import Book
from domain.ledger.events import (
    AssetRegistered,
    AttachmentRemoved,
    Event,
    HoldExpired,
    HoldReleased,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.events.parsing import parse_event
from domain.ledger.scope import Scope
from domain.ledger.soundness import require_sound
from domain.shared.chain import ChainBroken, Head, follow
from domain.shared.errors import DomainError

BATCH_EVENTS_MAX: Final = 2_000
BATCH_BYTES_MAX: Final = 2 * 1024 * 1024
# About 60 MB of Python objects.
BOOK_ITEMS_MAX: Final = 50_000

# An event may have megabytes, so a batch is bounded by its bytes, too; it holds one event at least.
_BATCH = """
SELECT sequence, recorded_at, hash, content
FROM (
    SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence) - octet_length(content) AS bytes_before
    FROM (
        SELECT sequence, recorded_at, hash, content FROM event_log
        WHERE stream_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
    ) AS next
) AS sized
WHERE bytes_before < $4
ORDER BY sequence
"""
# What comes of JSON that no version of Partita wrote.
_OF_ANOTHER_SHAPE: Final = (KeyError, ValueError, TypeError, AttributeError, RecursionError)
_LAST = "SELECT coalesce(max(sequence), 0) FROM event_log WHERE stream_id = $1"


class Replay:
    """A ledger's state after the event `head`, in temporary tables of the session `connection`.

    Without these it is in the real ones, where the ledger has no rows yet.
    """

    def __init__(self, connection: DriverConnection, organisation_id: int, ledger_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._ledger_id = ledger_id
        self._book = Book()
        self.head = Head()

    async def begin(self) -> None:
        """Make the temporary tables, with all that the real ones have."""
        for table in PROJECTIONS:
            await self._connection.execute(f"CREATE TEMPORARY TABLE {table.name} (LIKE {table.name} INCLUDING ALL)")

    async def catch_up(self, progress: Progress | None = None) -> None:
        """Go on to the end of the log. Raises `ChainBroken`."""
        last = await self._connection.fetchval(_LAST, self._ledger_id)
        while rows := await self._connection.fetch(
            _BATCH, self._ledger_id, self.head.sequence, BATCH_EVENTS_MAX, BATCH_BYTES_MAX
        ):
            await self._take(rows)
            if progress is not None:
                progress(self.head.sequence, max(last, self.head.sequence))

    async def _take(self, rows: Sequence[Any]) -> None:
        for row in rows:
            self.head = _next_head(self.head, row)
        facts = [_fact(row) for row in rows]
        first = rows[0]["sequence"]
        await self._load(facts, first)
        applied = []
        for row, (event_type, data) in zip(rows, facts, strict=True):
            try:
                event: Event = parse_event(event_type, data, self._book.assets.__getitem__)
                require_sound(event)
                effect = self._book.apply(event)
            except (*_OF_ANOTHER_SHAPE, DomainError) as error:
                raise ChainBroken(row["sequence"], f"the event does not fit the ones before it: {error!r}") from error
            applied.append(Applied(event, effect, row["recorded_at"]))
        try:
            await project(self._connection, self._organisation_id, self._ledger_id, applied, first)
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, *_OF_ANOTHER_SHAPE) as error:
            raise ChainBroken(first, f"an event from here on does not fit the ones before it: {error}") from error

    async def _load(self, facts: Sequence[tuple[str, Any]], first: int) -> None:
        """Fill the book with what the events need, once it is emptied of what they may not."""
        book = self._book
        book.forget_named()
        book.used_assets.clear()
        if len(book.balances) + len(book.accounts) + len(book.assets) > BOOK_ITEMS_MAX:
            book.balances.clear()
            book.held.clear()
            book.accounts.clear()
            book.assets.clear()
        try:
            await load_into(book, self._connection, self._ledger_id, _scope(facts))
        except (asyncpg.DataError, *_OF_ANOTHER_SHAPE) as error:
            raise ChainBroken(first, f"an event from here on cannot be read: {error!r}") from error


def _fact(row: Any) -> tuple[str, Any]:
    try:
        document = json.loads(row["content"])
        return document["type"], document["data"]
    except _OF_ANOTHER_SHAPE as error:
        raise ChainBroken(row["sequence"], f"the event cannot be read: {error!r}") from error


def _next_head(head: Head, row: Any) -> Head:
    expected = head.sequence + 1
    if row["sequence"] != expected:
        raise ChainBroken(expected, f"the event is missing: after {head.sequence} comes {row['sequence']}")
    return follow(head, row["content"], row["hash"], row["recorded_at"])


def _scope(facts: Sequence[tuple[str, Any]]) -> Scope:
    """Return what the events change, and what they refer to."""
    accounts: set[str] = set()
    balances: set[tuple[str, str]] = set()
    assets: set[str] = set()
    transactions: set[str] = set()
    holds: set[str] = set()
    reversals: set[str] = set()
    periods: set[str] = set()
    attachments: set[str] = set()
    for event_type, data in facts:
        for entry in data.get("entries", ()):
            accounts.add(entry["account"])
            balances.add((entry["account"], entry["asset"]))
            assets.add(entry["asset"])
        for limited in (data, *data.get("rules", ())):
            assets.update(limit["asset"] for limit in limited.get("limits", ()))
        if event_type == TransactionPosted.type:
            if "hold" in data:
                holds.add(data["hold"])
            if "reverses" in data:
                reversals.add(data["reverses"])
        elif event_type == TransactionChanged.type:
            transactions.add(data["id"])
        elif event_type in (HoldReleased.type, HoldExpired.type):
            holds.add(data["id"])
        elif event_type == PeriodReopened.type:
            periods.add(data["id"])
        elif event_type == AttachmentRemoved.type:
            attachments.add(data["id"])
        elif event_type == AssetRegistered.type:
            assets.add(data["code"])
        elif "account" in data:
            accounts.add(data["account"])
    return Scope(
        accounts,
        balances,
        assets,
        transactions=transactions,
        holds=holds,
        reversals=reversals,
        periods=periods,
        attachments=attachments,
    )

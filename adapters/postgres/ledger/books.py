"""Books on PostgreSQL: groups that hold a ledger's head, and snapshots that hold nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.ledger.event_rows import recalled
from adapters.postgres.ledger.projections import project
from adapters.postgres.ledger.rows import account_of, chart_of
from adapters.postgres.work import DriverConnection, driver_transaction
from application.ledger.ports import Applied, KnownKey, LedgerAddress, Outcome
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.book import Book, LedgerSettings, PostedTransaction, Scope
from domain.ledger.ledger import LedgerNotFound
from domain.shared.chain import Head
from domain.shared.text import is_storable

# The head is the log's last row; the ledger's own row is what a group locks. Only rebuilding updates it.
_LOCK = "SELECT id, rebuilds FROM ledgers WHERE organisation_id = $1 AND slug = $2 FOR NO KEY UPDATE"
_FIND = "SELECT id, rebuilds FROM ledgers WHERE organisation_id = $1 AND slug = $2"
_HEAD = """
SELECT head.sequence, head.hash, head.recorded_at,
       settings.name, settings.time_zone, settings.metadata, settings.version,
       settings.chart::text AS chart, settings.chart_version
FROM ledger_settings AS settings
CROSS JOIN LATERAL (
    SELECT sequence, hash, recorded_at FROM event_log WHERE stream_id = $1 ORDER BY sequence DESC LIMIT 1
) AS head
WHERE settings.ledger_id = $1
"""
# Look-ups by unnested keys are written as lateral joins with a limit, which can only be done key by key through an
# index: never as a join that reads all accounts of a ledger.
_ACCOUNTS = """
SELECT found.*
FROM unnest($2::text[]) AS wanted (path)
CROSS JOIN LATERAL (
    SELECT number, path, type, status, metadata, version FROM accounts
    WHERE ledger_id = $1 AND accounts.path = wanted.path LIMIT 1
) AS found
"""
_BALANCES = """
SELECT wanted.number, wanted.asset, last.posted_debits::text, last.posted_credits::text, last.balance_version
FROM unnest($2::bigint[], $3::text[]) AS wanted (number, asset)
CROSS JOIN LATERAL (
    SELECT posted_debits, posted_credits, balance_version FROM entries
    WHERE ledger_id = $1 AND account_number = wanted.number AND entries.asset = wanted.asset
    ORDER BY sequence DESC, position DESC LIMIT 1
) AS last
"""
_ASSETS = """
SELECT found.*
FROM unnest($2::text[]) AS wanted (code)
CROSS JOIN LATERAL (
    SELECT code, scale, version FROM assets WHERE ledger_id = $1 AND assets.code = wanted.code LIMIT 1
) AS found
"""
_USED_ASSETS = """
SELECT wanted.code
FROM unnest($2::text[]) AS wanted (code)
CROSS JOIN LATERAL (
    SELECT FROM entries WHERE ledger_id = $1 AND asset = wanted.code AND balance_version = 1
    ORDER BY ledger_id, asset, account_number LIMIT 1
) AS first
"""
_REFERENCES = """
SELECT wanted.reference, found.id
FROM unnest($2::text[]) AS wanted (reference)
CROSS JOIN LATERAL (
    SELECT id FROM transactions WHERE ledger_id = $1 AND transactions.reference = wanted.reference LIMIT 1
) AS found
"""
_TRANSACTIONS = """
SELECT found.*
FROM unnest($2::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT id, reference, metadata, version FROM transactions WHERE ledger_id = $1 AND transactions.id = wanted.id
    LIMIT 1
) AS found
"""
_KNOWN_KEYS = """
SELECT found.*
FROM unnest($2::text[]) AS wanted (key)
CROSS JOIN LATERAL (
    SELECT key, fingerprint, first_sequence, last_sequence FROM idempotency_keys
    WHERE stream_id = $1 AND idempotency_keys.key = wanted.key AND used_at > $3 LIMIT 1
) AS found
"""
_APPEND_EVENTS = """
INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
SELECT $1, $2, sequence, $3, hash, content FROM unnest($4::bigint[], $5::bytea[], $6::bytea[])
    AS rows (sequence, hash, content)
"""
# A key that is still there and may be used again is one that has outlived its 30 days.
_KEEP_KEYS = """
INSERT INTO idempotency_keys (organisation_id, stream_id, key, fingerprint, first_sequence, last_sequence, used_at)
SELECT $1, $2, key, fingerprint, first_sequence, last_sequence, $3
FROM unnest($4::text[], $5::bytea[], $6::bigint[], $7::bigint[])
    AS rows (key, fingerprint, first_sequence, last_sequence)
ON CONFLICT (stream_id, key) DO UPDATE SET fingerprint = excluded.fingerprint,
    first_sequence = excluded.first_sequence, last_sequence = excluded.last_sequence, used_at = excluded.used_at
"""
_HASH_AT = "SELECT hash FROM event_log WHERE stream_id = $1 AND sequence = $2"


# About 100 MB of Python objects.
RETAINED_LINES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class _Retained:
    """A book as it was after the event `head`, when its projections had been rebuilt so many times."""

    head: Head
    rebuilds: int
    book: Book


class PostgresBooks:
    """The ledgers of a database. `engine` is the journal's pool.

    The book that a group leaves is retained for the next one: it is the state after an event, so it stays true for as
    long as that event is the ledger's head and nobody has rebuilt what the book was loaded from, which the next group
    learns when it holds the lock.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._retained: dict[LedgerAddress, _Retained] = {}

    @asynccontextmanager
    async def group(self, ledger: LedgerAddress) -> AsyncIterator["PostgresGroup"]:
        # Whatever goes wrong from here on, a book that commands may have changed is not seen again.
        retained = self._retained.pop(ledger, None)
        async with driver_transaction(self._engine, ledger.organisation_id) as connection:
            group = await _open(connection, ledger, _LOCK, retained)
            yield group
        self._retain(ledger, group)

    @asynccontextmanager
    async def snapshot(self, ledger: LedgerAddress) -> AsyncIterator["PostgresGroup"]:
        async with driver_transaction(self._engine, ledger.organisation_id, is_snapshot=True) as connection:
            yield await _open(connection, ledger, _FIND, None)

    def _retain(self, ledger: LedgerAddress, group: "PostgresGroup") -> None:
        book = group.book
        if book.sequence != group.head.sequence:
            return
        book.references.clear()
        book.transactions.clear()
        if sum(len(kept.book.balances) for kept in self._retained.values()) + len(book.balances) > RETAINED_LINES_MAX:
            self._retained.clear()
        else:
            self._retained[ledger] = _Retained(group.head, group.rebuilds, book)


async def _open(
    connection: DriverConnection, ledger: LedgerAddress, statement: str, retained: _Retained | None
) -> "PostgresGroup":
    slug = ledger.slug
    found = await connection.fetchrow(statement, ledger.organisation_id, slug) if is_storable(slug) else None
    if found is None:
        raise LedgerNotFound(f"Your organisation has no ledger {slug!r}.")
    ledger_id, rebuilds = found
    row = await connection.fetchrow(_HEAD, ledger_id)
    head = Head(row["sequence"], row["hash"], row["recorded_at"])
    if retained is not None and (retained.head, retained.rebuilds) == (head, rebuilds):
        book = retained.book
    else:
        book = Book(
            sequence=head.sequence,
            settings=LedgerSettings(row["name"], row["time_zone"], row["metadata"], row["version"]),
            chart=chart_of(row["chart"], row["chart_version"]),
        )
    return PostgresGroup(connection, ledger.organisation_id, ledger_id, head, book, rebuilds)


class PostgresGroup:
    """A ledger inside one database transaction, which `books` began and will end."""

    def __init__(
        self,
        connection: DriverConnection,
        organisation_id: int,
        ledger_id: int,
        head: Head,
        book: Book,
        rebuilds: int,
    ) -> None:
        self.rebuilds = rebuilds
        self._connection = connection
        self._organisation_id = organisation_id
        self._ledger_id = ledger_id
        self._head = head
        self.book = book

    @property
    def head(self) -> Head:
        """The ledger's last event; after `append`, the last one appended."""
        return self._head

    async def load(self, scope: Scope) -> Book:
        await load_into(self.book, self._connection, self._ledger_id, scope)
        return self.book

    async def known_keys(self, keys: Sequence[str], *, used_after: datetime) -> Mapping[str, KnownKey]:
        rows = await self._connection.fetch(_KNOWN_KEYS, self._ledger_id, keys, used_after)
        return {row["key"]: KnownKey(row["fingerprint"], row["first_sequence"], row["last_sequence"]) for row in rows}

    async def recall(self, known: KnownKey) -> Outcome:
        return await recalled(self._connection, self._ledger_id, known)

    async def append(self, outcomes: Sequence[Outcome]) -> None:
        applied = [each for outcome in outcomes for each in outcome.applied]
        recorded = [each.recorded for each in applied if each.recorded is not None]
        await self._connection.execute(
            _APPEND_EVENTS,
            self._organisation_id,
            self._ledger_id,
            recorded[0].recorded_at,
            [each.sequence for each in recorded],
            [each.hash for each in recorded],
            [each.content for each in recorded],
        )
        await project(self._connection, self._organisation_id, self._ledger_id, applied, recorded[0].sequence)
        await self._keep_keys(outcomes, applied)
        self._head = recorded[-1].head

    async def _keep_keys(self, outcomes: Sequence[Outcome], applied: Sequence[Applied]) -> None:
        rows = [
            (outcome.key.key, outcome.key.fingerprint, first.sequence, last.sequence)
            for outcome in outcomes
            if outcome.key
            and (first := outcome.applied[0].recorded) is not None
            and (last := outcome.applied[-1].recorded) is not None
        ]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            await self._connection.execute(
                _KEEP_KEYS, self._organisation_id, self._ledger_id, applied[0].recorded_at, *columns
            )

    async def holds(self, sequence: int, hash: bytes) -> bool:
        return bool(await self._connection.fetchval(_HASH_AT, self._ledger_id, sequence) == hash)


async def load_into(book: Book, connection: DriverConnection, ledger_id: int, scope: Scope) -> None:
    """Fill the book with what the scope names and it lacks; each kind of thing is one statement, or none.

    A command names what its caller wrote, before anything was checked: what cannot be stored is not there.
    """
    balances = [key for key in scope.balances if key not in book.balances]
    paths = {path for path in scope.accounts if path not in book.accounts}
    paths.update(path for path, _ in balances if path not in book.accounts)
    if accounts := [path for path in paths if is_storable(path)]:
        for row in await connection.fetch(_ACCOUNTS, ledger_id, accounts):
            book.accounts[row["path"]] = account_of(row)
    if wanted := [(path, code) for path, code in balances if path in book.accounts and is_storable(code)]:
        paths_of = {book.accounts[path].number: path for path, _ in wanted}
        numbers = [book.accounts[path].number for path, _ in wanted]
        codes = [code for _, code in wanted]
        for number, code, debits, credits, version in await connection.fetch(_BALANCES, ledger_id, numbers, codes):
            book.balances[paths_of[number], code] = Balance(int(debits), int(credits), version)
    if assets := [code for code in scope.assets if code not in book.assets and is_storable(code)]:
        for code, scale, version in await connection.fetch(_ASSETS, ledger_id, assets):
            book.assets[code] = Asset(code, scale, version)
    if asset_uses := [code for code in scope.asset_uses if code not in book.used_assets and is_storable(code)]:
        book.used_assets.update(row["code"] for row in await connection.fetch(_USED_ASSETS, ledger_id, asset_uses))
    if references := [reference for reference in scope.references if is_storable(reference)]:
        for reference, id in await connection.fetch(_REFERENCES, ledger_id, references):
            book.references[reference] = outward_id("txn", id)
    if ids := [stored for id in scope.transactions if (stored := stored_id("txn", id))]:
        for id, reference, metadata, version in await connection.fetch(_TRANSACTIONS, ledger_id, ids):
            outward = outward_id("txn", id)
            book.transactions[outward] = PostedTransaction(outward, reference, metadata, version)

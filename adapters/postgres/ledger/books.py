"""Books on PostgreSQL: groups that hold a ledger's head, and snapshots that hold nothing."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ids import outward_id
from adapters.postgres.ledger.event_rows import recalled
from adapters.postgres.ledger.loading import load_into
from adapters.postgres.ledger.projections import append
from adapters.postgres.ledger.rows import chart_of, settings_of
from adapters.postgres.work import DriverConnection, driver_transaction
from application.ledger.ports import Applied, DueHolds, KnownKey, LedgerAddress, Outcome
from application.ledger.sizes import within_entries
from application.shared.telemetry import UNWATCHED, Telemetry
from domain.ledger.book import Book
from domain.ledger.events import AccountChanged, AccountOpened, HoldPlaced
from domain.ledger.ledger import LedgerNotFound
from domain.ledger.scope import Scope
from domain.shared.chain import BEGINNING_OF_TIME, END_OF_TIME, Head
from domain.shared.text import is_storable

# The head is the log's last row; the ledger's own row is what a group locks. Only rebuilding updates it.
_LOCK = "SELECT id, rebuilds FROM ledgers WHERE organisation_id = $1 AND slug = $2 FOR NO KEY UPDATE"
_FIND = "SELECT id, rebuilds FROM ledgers WHERE organisation_id = $1 AND slug = $2"
_HEAD = """
SELECT head.sequence, head.hash, head.recorded_at,
       settings.name, settings.time_zone, settings.metadata, settings.version, settings.is_frozen,
       settings.is_archived, settings.closed_until, settings.closed_until_day,
       settings.chart::text AS chart, settings.chart_version
FROM ledger_settings AS settings
CROSS JOIN LATERAL (
    SELECT sequence, hash, recorded_at FROM event_log WHERE stream_id = $1 ORDER BY sequence DESC LIMIT 1
) AS head
WHERE settings.ledger_id = $1
"""
_NEXT_EXPIRY = """
SELECT expires_at FROM holds
WHERE ledger_id = $1 AND status = 'open' AND expires_at IS NOT NULL AND expires_at > $2
ORDER BY expires_at, sequence LIMIT 1
"""
# A hold has an entry at least, so that these are more than go into a group, if there are.
_DUE_HOLDS = """
SELECT id, entries FROM holds
WHERE ledger_id = $1 AND status = 'open' AND expires_at IS NOT NULL AND expires_at <= $2
ORDER BY expires_at, sequence LIMIT $3 + 1
"""
_KNOWN_KEYS = """
SELECT found.*
FROM unnest($2::text[]) AS wanted (key)
CROSS JOIN LATERAL (
    SELECT key, fingerprint, first_sequence, last_sequence FROM idempotency_keys
    WHERE stream_id = $1 AND idempotency_keys.key = wanted.key AND used_at > $3 LIMIT 1
) AS found
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


# In things that a book knows: accounts, balances, assets, rules; about 100 MB of Python objects.
RETAINED_THINGS_MAX = 100_000
# An account with more metadata than this is looked up anew by each group: a page of text is no balance.
RETAINED_METADATA_MAX = 8


@dataclass(frozen=True, slots=True)
class _Retained:
    """A book as it was after the event `head`, when its projections had been rebuilt so many times.

    No hold expires before `next_expiry`; that one may be closed by then. So nobody needs to look for one in each group,
    past all those that were closed while a snapshot was open.
    """

    head: Head
    rebuilds: int
    book: Book
    next_expiry: datetime

    @property
    def things(self) -> int:
        """How much it knows."""
        book = self.book
        return (
            1
            + len(book.accounts)
            + len(book.balances)
            + len(book.held)
            + len(book.assets)
            + len(book.chart.rules)
            + len(book.chart_limits)
        )


class PostgresBooks:
    """The ledgers of a database. `engine` is the journal's pool; snapshots are opened in `snapshots`, if it is given.

    So those who only want to know what would happen take no connection from those who write.

    The book that a group leaves is retained for the next one: it is the state after an event, so it stays true for as
    long as that event is the ledger's head and nobody has rebuilt what the book was loaded from, which the next group
    learns when it holds the lock.
    """

    def __init__(
        self, engine: AsyncEngine, *, snapshots: AsyncEngine | None = None, telemetry: Telemetry = UNWATCHED
    ) -> None:
        self._engine = engine
        self._snapshots = snapshots or engine
        self._telemetry = telemetry
        # The one used longest ago comes first.
        self._retained: dict[LedgerAddress, _Retained] = {}
        self._retained_things = 0

    @asynccontextmanager
    async def group(self, ledger: LedgerAddress) -> AsyncIterator["PostgresGroup"]:
        # Whatever goes wrong from here on, a book that commands may have changed is not seen again.
        retained = self._forget(ledger)
        opened = driver_transaction(self._engine, ledger.organisation_id, telemetry=self._telemetry)
        async with opened as connection:
            group = await _open(connection, ledger, _LOCK, retained)
            yield group
        self._retain(ledger, group)

    @asynccontextmanager
    async def snapshot(self, ledger: LedgerAddress) -> AsyncIterator["PostgresGroup"]:
        opened = driver_transaction(
            self._snapshots, ledger.organisation_id, is_snapshot=True, telemetry=self._telemetry
        )
        async with opened as connection:
            yield await _open(connection, ledger, _FIND, None)

    def _retain(self, ledger: LedgerAddress, group: "PostgresGroup") -> None:
        book = group.book
        if book.sequence != group.head.sequence:
            return
        book.forget_named()
        for path in group.wordy_accounts:
            book.accounts.pop(path, None)
        self._forget(ledger)  # another group of it may have ended meanwhile
        retained = _Retained(group.head, group.rebuilds, book, group.next_expiry)
        self._retained[ledger] = retained
        self._retained_things += retained.things
        while self._retained_things > RETAINED_THINGS_MAX:
            self._forget(next(iter(self._retained)))

    def _forget(self, ledger: LedgerAddress) -> _Retained | None:
        retained = self._retained.pop(ledger, None)
        if retained is not None:
            self._retained_things -= retained.things
        return retained


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
        book, next_expiry = retained.book, retained.next_expiry
    else:
        # Until that is looked up, a hold may be due at any time.
        next_expiry = BEGINNING_OF_TIME
        book = Book(
            sequence=head.sequence,
            settings=settings_of(row),
            chart=chart_of(row["chart"], row["chart_version"]),
        )
    return PostgresGroup(connection, ledger.organisation_id, ledger_id, head, book, rebuilds, next_expiry)


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
        next_expiry: datetime,
    ) -> None:
        self.rebuilds = rebuilds
        self.next_expiry = next_expiry
        self._connection = connection
        self._organisation_id = organisation_id
        self._ledger_id = ledger_id
        self._head = head
        self.book = book
        self.wordy_accounts: set[str] = set()

    @property
    def head(self) -> Head:
        """The ledger's last event; after `append`, the last one appended."""
        return self._head

    async def load(self, scope: Scope) -> Book:
        loaded = await load_into(self.book, self._connection, self._ledger_id, scope)
        self._mark_wordy(loaded)
        return self.book

    async def due_holds(self, now: datetime, *, entries_max: int) -> DueHolds:
        if now < self.next_expiry:
            return DueHolds()
        rows = await self._connection.fetch(_DUE_HOLDS, self._ledger_id, now, entries_max)
        found = within_entries([(outward_id("hold", id), entries) for id, entries in rows], entries_max)
        if found.are_all:
            self.next_expiry = await self._connection.fetchval(_NEXT_EXPIRY, self._ledger_id, now) or END_OF_TIME
        return found

    async def known_keys(self, keys: Sequence[str], *, used_after: datetime) -> Mapping[str, KnownKey]:
        rows = await self._connection.fetch(_KNOWN_KEYS, self._ledger_id, keys, used_after)
        return {row["key"]: KnownKey(row["fingerprint"], row["first_sequence"], row["last_sequence"]) for row in rows}

    async def recall(self, known: Mapping[str, KnownKey]) -> Mapping[str, Outcome]:
        return await recalled(self._connection, self._ledger_id, known)

    async def append(self, outcomes: Sequence[Outcome]) -> None:
        applied = [each for outcome in outcomes for each in outcome.applied]
        await append(self._connection, self._organisation_id, self._ledger_id, outcomes)
        await self._keep_keys(outcomes, applied)
        last = applied[-1].recorded
        assert last is not None
        self._head = last.head
        expiries = [each.event.expires_at for each in applied if isinstance(each.event, HoldPlaced)]
        self.next_expiry = min([self.next_expiry, *[expiry for expiry in expiries if expiry is not None]])
        self._mark_wordy(
            each.event.account for each in applied if isinstance(each.event, AccountOpened | AccountChanged)
        )

    def _mark_wordy(self, paths: Iterable[str]) -> None:
        accounts = self.book.accounts
        self.wordy_accounts.update(path for path in paths if len(accounts[path].metadata) > RETAINED_METADATA_MAX)

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

    async def has_event(self, sequence: int, hash: bytes) -> bool:
        return bool(await self._connection.fetchval(_HASH_AT, self._ledger_id, sequence) == hash)

"""Projections: the rows that follow from events, written by set-based statements.

Rebuilding writes them by the same statements, into temporary tables of the same names.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.late_entries import LateRows, empty_columns
from adapters.postgres.work import DriverConnection
from application.ledger.ports import Applied
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    ChartSet,
    Event,
    LedgerChanged,
    LedgerCreated,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.transaction import Direction
from domain.shared.chain import Recorded

_APPEND_EVENTS = """
INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
SELECT $1, $2, sequence, recorded_at, hash, content
FROM unnest($3::bigint[], $4::timestamptz[], $5::bytea[], $6::bytea[]) AS rows (sequence, recorded_at, hash, content)
"""
# Events, transactions and entries, the bulk of all writing, in one statement and one round trip. Each 64th entry of a
# balance is a milestone, from which `readers/time_travel.py` goes on for 64 rows at most.
_INSERT_TRANSACTIONS = """
WITH logged AS (
    INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
    SELECT $1, $2, sequence, recorded_at, hash, content
    FROM unnest($22::bigint[], $23::timestamptz[], $24::bytea[], $25::bytea[])
        AS rows (sequence, recorded_at, hash, content)
), posted AS (
    INSERT INTO transactions (organisation_id, ledger_id, sequence, id, reference, description, kind, effective_at,
                              recorded_at, metadata, version)
    SELECT $1, $2, sequence, id, reference, description, kind, effective_at, recorded_at, metadata::jsonb, 1
    FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
                $10::text[])
        AS rows (sequence, id, reference, description, kind, effective_at, recorded_at, metadata)
)
INSERT INTO entries (organisation_id, ledger_id, account_number, sequence, position, is_debit, asset, amount,
                     posted_debits, posted_credits, balance_version, latest_effective_at, late, is_milestone)
SELECT $1, $2, account_number, sequence, position, is_debit, asset, amount::numeric, posted_debits::numeric,
       posted_credits::numeric, balance_version, latest_effective_at, late, balance_version % 64 = 0
FROM unnest($11::bigint[], $12::bigint[], $13::integer[], $14::boolean[], $15::text[], $16::text[], $17::text[],
            $18::text[], $19::bigint[], $20::timestamptz[], $21::bigint[])
    AS rows (account_number, sequence, position, is_debit, asset, amount, posted_debits, posted_credits,
             balance_version, latest_effective_at, late)
"""
_INSERT_ACCOUNTS = """
INSERT INTO accounts (organisation_id, ledger_id, number, path, type, status, metadata, version, opened_at)
SELECT $1, $2, number, path, type, 'open', metadata::jsonb, 1, opened_at
FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
    AS rows (number, path, type, metadata, opened_at)
"""
_INSERT_METADATA_VALUES = """
INSERT INTO metadata_values (organisation_id, ledger_id, subject, digest, sequence)
SELECT $1, $2, subject, digest, sequence FROM unnest($3::text[], $4::bytea[], $5::bigint[])
    AS rows (subject, digest, sequence)
"""
_REGISTER_ASSETS = """
INSERT INTO assets (organisation_id, ledger_id, code, scale, version)
SELECT $1, $2, code, scale, registrations FROM unnest($3::text[], $4::smallint[], $5::bigint[])
    AS rows (code, scale, registrations)
ON CONFLICT (ledger_id, code) DO UPDATE SET scale = excluded.scale, version = assets.version + excluded.version
"""
_CREATE_SETTINGS = """
INSERT INTO ledger_settings (organisation_id, ledger_id, name, time_zone, metadata, version, created_at, chart,
                             chart_version)
VALUES ($1, $2, $3, $4, $5::text::jsonb, 1, $6, '[]', 1)
"""
_CHANGE_SETTINGS = """
UPDATE ledger_settings SET name = $2, metadata = $3::text::jsonb, version = version + $4 WHERE ledger_id = $1
"""
_SET_CHART = """
UPDATE ledger_settings SET chart = $2::text::jsonb, chart_version = chart_version + $3 WHERE ledger_id = $1
"""
_CHANGE_ACCOUNTS = """
UPDATE accounts SET metadata = rows.metadata::jsonb, version = version + changes
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS rows (path, metadata, changes)
WHERE ledger_id = $1 AND accounts.path = rows.path
RETURNING number, rows.path
"""
_CHANGE_TRANSACTIONS = """
UPDATE transactions SET metadata = rows.metadata::jsonb, version = version + changes
FROM unnest($2::uuid[], $3::text[], $4::bigint[]) AS rows (id, metadata, changes)
WHERE ledger_id = $1 AND transactions.id = rows.id
RETURNING sequence, rows.id
"""
_FORGET_METADATA_VALUES = """
DELETE FROM metadata_values USING unnest($2::text[], $3::bigint[]) AS rows (subject, sequence)
WHERE ledger_id = $1 AND metadata_values.subject = rows.subject AND metadata_values.sequence = rows.sequence
"""


def metadata_digest(key: str, value: str) -> bytes:
    """Return what stands for a key and its value in `metadata_values`."""
    return sha256(f"{len(key)}:{key}{value}".encode()).digest()


def to_json(value: Any) -> str:
    """Return JSON for a `jsonb` column."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def chart_document(rules: Iterable[Rule]) -> str:
    """Return the rules of a chart as they are stored."""
    return to_json([[rule.pattern.text, rule.type.value] for rule in rules])


@dataclass(slots=True)
class _Rows:
    """Columns of the rows to insert, gathered over a group."""

    transactions: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(8))
    entries: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(11))
    accounts: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(5))
    metadata_values: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(3))
    log: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(4))
    late: LateRows = field(default_factory=LateRows)

    def add_event(self, recorded: Recorded[Event]) -> None:
        sequences, recorded_at, hashes, contents = self.log
        sequences.append(recorded.sequence)
        recorded_at.append(recorded.recorded_at)
        hashes.append(recorded.hash)
        contents.append(recorded.content)

    def add_transaction(self, sequence: int, event: TransactionPosted, applied: Applied) -> None:
        sequences, ids, references, descriptions, kinds, effective, recorded, metadata = self.transactions
        sequences.append(sequence)
        ids.append(stored_id("txn", event.id))
        references.append(event.reference)
        descriptions.append(event.description)
        kinds.append(event.kind.value)
        effective.append(event.effective_at)
        recorded.append(applied.recorded_at)
        metadata.append(to_json(event.metadata) if event.metadata else "{}")
        accounts, of, positions, sides, assets, amounts, debits, credits, versions, latest, late = self.entries
        for position, line in enumerate(applied.lines):
            entry, balance = line.entry, line.balance
            accounts.append(line.account.number)
            of.append(sequence)
            positions.append(position)
            sides.append(entry.direction is Direction.DEBIT)
            assets.append(entry.asset.code)
            amounts.append(str(entry.amount))
            debits.append(str(balance.posted_debits))
            credits.append(str(balance.posted_credits))
            versions.append(balance.version)
            latest.append(balance.latest_effective_at)
            late.append(balance.late)
            if event.effective_at < balance.latest_effective_at:
                self.late.add(sequence, position, line, event.effective_at)
        self.add_metadata("transaction", sequence, event.metadata)

    def add_account(self, number: int, event: AccountOpened, opened_at: datetime) -> None:
        numbers, paths, types, metadata, opened = self.accounts
        numbers.append(number)
        paths.append(event.account)
        types.append(event.account_type.value)
        metadata.append(to_json(event.metadata) if event.metadata else "{}")
        opened.append(opened_at)
        self.add_metadata("account", number, event.metadata)

    def add_metadata(self, subject: str, sequence: int, metadata: Mapping[str, str]) -> None:
        subjects, digests, sequences = self.metadata_values
        for key, value in metadata.items():
            subjects.append(subject)
            digests.append(metadata_digest(key, value))
            sequences.append(sequence)


@dataclass(slots=True)
class _Changes:
    """What a group leaves each thing as that it changes, and how often it changes it."""

    assets: dict[str, tuple[int, int]] = field(default_factory=dict)
    settings: tuple[LedgerChanged, int] | None = None
    chart: tuple[ChartSet, int] | None = None
    accounts: dict[str, tuple[Mapping[str, str], int]] = field(default_factory=dict)
    transactions: dict[str, tuple[Mapping[str, str], int]] = field(default_factory=dict)

    def add(self, event: AssetRegistered | LedgerChanged | ChartSet | AccountChanged | TransactionChanged) -> None:
        match event:
            case AssetRegistered(code, scale):
                self.assets[code] = (scale, self.assets.get(code, (0, 0))[1] + 1)
            case LedgerChanged():
                self.settings = (event, self.settings[1] + 1 if self.settings else 1)
            case ChartSet():
                self.chart = (event, self.chart[1] + 1 if self.chart else 1)
            case AccountChanged(path, metadata):
                self.accounts[path] = (metadata, self.accounts.get(path, ({}, 0))[1] + 1)
            case TransactionChanged(id, metadata):
                self.transactions[id] = (metadata, self.transactions.get(id, ({}, 0))[1] + 1)


async def append(
    connection: DriverConnection, organisation_id: int, ledger_id: int, applied: Sequence[Applied]
) -> None:
    """Write recorded events to the log, and the rows that follow from them."""
    rows = _Rows()
    for each in applied:
        assert each.recorded is not None, "a dry run is written nowhere"
        rows.add_event(each.recorded)
    await project(connection, organisation_id, ledger_id, applied, rows.log[0][0], rows)


async def project(
    connection: DriverConnection,
    organisation_id: int,
    ledger_id: int,
    applied: Iterable[Applied],
    first_sequence: int,
    rows: _Rows | None = None,
) -> None:
    """Write the rows that follow from events at `first_sequence` and after it, in order, and those in `rows`.

    Each kind of row takes one statement, however many there are: what a group makes is inserted, then what it changes
    is left as its last change has it.
    """
    rows, changes = rows or _Rows(), _Changes()
    for sequence, each in enumerate(applied, first_sequence):
        match each.event:
            case TransactionPosted():
                rows.add_transaction(sequence, each.event, each)
            case AccountOpened():
                rows.add_account(sequence, each.event, each.recorded_at)
            case LedgerCreated(name, time_zone, metadata):
                settings = (name, time_zone, to_json(dict(metadata)), each.recorded_at)
                await connection.execute(_CREATE_SETTINGS, organisation_id, ledger_id, *settings)
            case change:
                changes.add(change)
    await _insert(connection, organisation_id, ledger_id, rows)
    await _change(connection, organisation_id, ledger_id, changes)


async def _insert(connection: DriverConnection, organisation_id: int, ledger_id: int, rows: _Rows) -> None:
    if rows.accounts[0]:
        await connection.execute(_INSERT_ACCOUNTS, organisation_id, ledger_id, *rows.accounts)
    if rows.transactions[0]:
        await connection.execute(
            _INSERT_TRANSACTIONS, organisation_id, ledger_id, *rows.transactions, *rows.entries, *rows.log
        )
        await rows.late.insert(connection, organisation_id, ledger_id)
    elif rows.log[0]:
        await connection.execute(_APPEND_EVENTS, organisation_id, ledger_id, *rows.log)
    if rows.metadata_values[0]:
        await connection.execute(_INSERT_METADATA_VALUES, organisation_id, ledger_id, *rows.metadata_values)


async def _change(connection: DriverConnection, organisation_id: int, ledger_id: int, changes: _Changes) -> None:
    if changes.assets:
        codes = list(changes.assets)
        scales, registrations = zip(*changes.assets.values(), strict=True)
        await connection.execute(_REGISTER_ASSETS, organisation_id, ledger_id, codes, scales, registrations)
    if changes.settings:
        changed, times = changes.settings
        await connection.execute(_CHANGE_SETTINGS, ledger_id, changed.name, to_json(dict(changed.metadata)), times)
    if changes.chart:
        chart, times = changes.chart
        await connection.execute(_SET_CHART, ledger_id, chart_document(chart.rules), times)
    refiled: list[tuple[str, int, Mapping[str, str]]] = []
    if changes.accounts:
        columns = _changed(list(changes.accounts), changes.accounts.values())
        for number, path in await connection.fetch(_CHANGE_ACCOUNTS, ledger_id, *columns):
            refiled.append(("account", number, changes.accounts[path][0]))
    if changes.transactions:
        of_stored = {stored_id("txn", id): change for id, change in changes.transactions.items()}
        columns = _changed(list(of_stored), of_stored.values())
        for sequence, id in await connection.fetch(_CHANGE_TRANSACTIONS, ledger_id, *columns):
            refiled.append(("transaction", sequence, of_stored[id][0]))
    if refiled:
        # What was filed before, in this group too, is replaced.
        subjects, sequences, _ = zip(*refiled, strict=True)
        await connection.execute(_FORGET_METADATA_VALUES, ledger_id, subjects, sequences)
        rows = _Rows()
        for subject, sequence, metadata in refiled:
            rows.add_metadata(subject, sequence, metadata)
        await _insert(connection, organisation_id, ledger_id, rows)


def _changed(
    keys: list[Any], changes: Iterable[tuple[Mapping[str, str], int]]
) -> tuple[list[Any], list[str], list[int]]:
    documents, times = zip(*[(to_json(dict(metadata)), times) for metadata, times in changes], strict=True)
    return keys, list(documents), list(times)

"""Projections: the rows that follow from events, written by set-based statements.

Rebuilding writes them by the same statements, into temporary tables of the same names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.attachment_rows import LOOK_AT_FILES
from adapters.postgres.ledger.changes import Changes
from adapters.postgres.ledger.held_rows import HeldRows
from adapters.postgres.ledger.late_entries import LateRows, empty_columns
from adapters.postgres.ledger.metadata_rows import metadata_digest, to_json
from adapters.postgres.ledger.rows import limits_document
from adapters.postgres.origin_rows import empty_origins, origins_of
from adapters.postgres.work import DriverConnection
from application.ledger.ports import Applied, Outcome
from application.ledger.readers import StoredEvent
from domain.ledger.events import AccountOpened, AttachmentRemoved, Event, HoldPlaced, LedgerCreated, TransactionPosted
from domain.ledger.transaction import Direction
from domain.shared.chain import Recorded

_APPEND_EVENTS = """
INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
SELECT $1, $2, sequence, recorded_at, hash, content
FROM unnest($3::bigint[], $4::timestamptz[], $5::bytea[], $6::bytea[]) AS rows (sequence, recorded_at, hash, content)
"""
_INSERT_ORIGINS = """
INSERT INTO request_origins (organisation_id, stream_id, sequence, last_sequence, actor, credential, address,
                             user_agent)
SELECT $1, $2, sequence, last_sequence, actor, credential, address, user_agent
FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS rows (sequence, last_sequence, actor, credential, address, user_agent)
"""
# Events, transactions, entries and origins, the bulk of all writing, in one statement and one round trip. Each 64th
# entry of a balance is a milestone, from which `readers/time_travel.py` goes on for 64 rows at most.
_INSERT_TRANSACTIONS = """
WITH logged AS (
    INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
    SELECT $1, $2, sequence, recorded_at, hash, content
    FROM unnest($22::bigint[], $23::timestamptz[], $24::bytea[], $25::bytea[])
        AS rows (sequence, recorded_at, hash, content)
), originated AS (
    INSERT INTO request_origins (organisation_id, stream_id, sequence, last_sequence, actor, credential, address,
                                 user_agent)
    SELECT $1, $2, sequence, last_sequence, actor, credential, address, user_agent
    FROM unnest($28::bigint[], $29::bigint[], $30::text[], $31::text[], $32::text[], $33::text[])
        AS rows (sequence, last_sequence, actor, credential, address, user_agent)
), posted AS (
    INSERT INTO transactions (organisation_id, ledger_id, sequence, id, reference, description, kind, effective_at,
                              recorded_at, metadata, version, hold_sequence, reverses)
    SELECT $1, $2, sequence, id, reference, description, kind, effective_at, recorded_at, metadata::jsonb, 1,
           hold_sequence, reverses
    FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
                $10::text[], $26::bigint[], $27::bigint[])
        AS rows (sequence, id, reference, description, kind, effective_at, recorded_at, metadata, hold_sequence,
                 reverses)
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
INSERT INTO accounts (organisation_id, ledger_id, number, path, type, status, metadata, version, opened_at, limits,
                      frozen_debits, frozen_credits)
SELECT $1, $2, number, path, type, 'open', metadata::jsonb, 1, opened_at, limits::jsonb, false, false
FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
    AS rows (number, path, type, metadata, opened_at, limits)
"""
_INSERT_METADATA_VALUES = """
INSERT INTO metadata_values (organisation_id, ledger_id, subject, digest, sequence)
SELECT $1, $2, subject, digest, sequence FROM unnest($3::text[], $4::bytea[], $5::bigint[])
    AS rows (subject, digest, sequence)
"""
_PUT_ON_AGENDA = """
INSERT INTO agenda (due_at, kind, organisation_id, ledger_id)
SELECT due_at, 'expiry', $1, $2 FROM unnest($3::timestamptz[]) AS rows (due_at)
ON CONFLICT DO NOTHING
"""
_CREATE_SETTINGS = """
INSERT INTO ledger_settings (organisation_id, ledger_id, name, time_zone, metadata, version, created_at, chart,
                             chart_version)
VALUES ($1, $2, $3, $4, $5::text::jsonb, 1, $6, '[]', 1)
"""


@dataclass(slots=True)
class _Rows:
    """Columns of the rows to insert, gathered over a group."""

    transactions: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(8))
    entries: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(11))
    accounts: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(6))
    links: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(2))
    metadata_values: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(3))
    log: tuple[list[Any], ...] = field(default_factory=lambda: empty_columns(4))
    origins: tuple[list[Any], ...] = field(default_factory=empty_origins)
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
        # What is left of the hold that is captured, or of the transaction that is reversed, comes first.
        of_sequence = applied.effect.left[0].number if applied.effect.left else None
        of_holds, reversed_ones = self.links
        of_holds.append(of_sequence if event.hold is not None else None)
        reversed_ones.append(of_sequence if event.reverses is not None else None)
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
        numbers, paths, types, metadata, opened, limits = self.accounts
        numbers.append(number)
        paths.append(event.account)
        types.append(event.account_type.value)
        metadata.append(to_json(event.metadata) if event.metadata else "{}")
        opened.append(opened_at)
        limits.append(to_json(limits_document(event.limits)) if event.limits else "{}")
        self.add_metadata("account", number, event.metadata)

    def add_metadata(self, subject: str, sequence: int, metadata: Mapping[str, str]) -> None:
        subjects, digests, sequences = self.metadata_values
        for key, value in metadata.items():
            subjects.append(subject)
            digests.append(metadata_digest(key, value))
            sequences.append(sequence)


async def append(
    connection: DriverConnection, organisation_id: int, ledger_id: int, outcomes: Sequence[Outcome]
) -> None:
    """Write the outcomes' events to the log, where they came from, the rows that follow, and what will be due."""
    rows = _Rows(origins=origins_of(outcomes))
    applied = [each for outcome in outcomes for each in outcome.applied]
    for each in applied:
        assert each.recorded is not None, "a dry run is written nowhere"
        rows.add_event(each.recorded)
    await project(connection, organisation_id, ledger_id, applied, rows.log[0][0], rows)
    expiries = {
        each.event.expires_at for each in applied if isinstance(each.event, HoldPlaced) and each.event.expires_at
    }
    if expiries:
        await connection.execute(_PUT_ON_AGENDA, organisation_id, ledger_id, list(expiries))
    removed = [each.event.sha256 for each in applied if isinstance(each.event, AttachmentRemoved)]
    if removed:
        await connection.execute(LOOK_AT_FILES, organisation_id, removed, applied[-1].recorded_at)


async def append_events(
    connection: DriverConnection, organisation_id: int, ledger_id: int, events: Sequence[StoredEvent]
) -> None:
    """Write events to the log as they are, and nothing that follows from them."""
    columns = ([each.sequence for each in events], [each.recorded_at for each in events])
    hashed = ([each.hash for each in events], [each.content for each in events])
    await connection.execute(_APPEND_EVENTS, organisation_id, ledger_id, *columns, *hashed)


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
    rows, changes, held = rows or _Rows(), Changes(), HeldRows()
    for sequence, each in enumerate(applied, first_sequence):
        match each.event:
            case TransactionPosted():
                rows.add_transaction(sequence, each.event, each)
                if each.event.hold is not None:
                    changes.add_capture(each.event, each)
            case AccountOpened():
                rows.add_account(sequence, each.event, each.recorded_at)
                changes.use_assets(each.event.limits)
            case LedgerCreated(name, time_zone, metadata):
                settings = (name, time_zone, to_json(dict(metadata)), each.recorded_at)
                await connection.execute(_CREATE_SETTINGS, organisation_id, ledger_id, *settings)
            case HoldPlaced():
                held.add_hold(sequence, each.event, each)
                changes.use_assets(each.event.entries)
            case change:
                changes.add(sequence, change, each.recorded_at)
        if each.effect.held or each.effect.left:
            held.add_effect(sequence, each.effect)
    await _insert(connection, organisation_id, ledger_id, rows)
    await held.insert(connection, organisation_id, ledger_id)
    refiled = await changes.write(connection, organisation_id, ledger_id)
    if refiled:
        rows = _Rows()
        for subject, sequence, metadata in refiled:
            rows.add_metadata(subject, sequence, metadata)
        await _insert(connection, organisation_id, ledger_id, rows)


async def _insert(connection: DriverConnection, organisation_id: int, ledger_id: int, rows: _Rows) -> None:
    if rows.accounts[0]:
        await connection.execute(_INSERT_ACCOUNTS, organisation_id, ledger_id, *rows.accounts)
    if rows.transactions[0]:
        await connection.execute(
            _INSERT_TRANSACTIONS,
            organisation_id,
            ledger_id,
            *rows.transactions,
            *rows.entries,
            *rows.log,
            *rows.links,
            *rows.origins,
        )
        await rows.late.insert(connection, organisation_id, ledger_id)
    elif rows.log[0]:
        await connection.execute(_APPEND_EVENTS, organisation_id, ledger_id, *rows.log)
        if rows.origins[0]:
            await connection.execute(_INSERT_ORIGINS, organisation_id, ledger_id, *rows.origins)
    if rows.metadata_values[0]:
        await connection.execute(_INSERT_METADATA_VALUES, organisation_id, ledger_id, *rows.metadata_values)

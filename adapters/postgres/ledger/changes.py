"""Changes: what a group leaves of the things that it changes, each written once, as the last change has it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.attachment_rows import AttachmentRows
from adapters.postgres.ledger.metadata_rows import metadata_digest, to_json
from adapters.postgres.ledger.rows import chart_document, limits_document
from adapters.postgres.work import DriverConnection
from application.ledger.ports import Applied
from domain.ledger.account import AccountStatus
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountRestored,
    AccountUnfrozen,
    AssetRegistered,
    AttachmentAdded,
    AttachmentRemoved,
    ChartSet,
    Event,
    HoldExpired,
    HoldReleased,
    LedgerArchived,
    LedgerChanged,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
    PeriodClosed,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.hold import HoldStatus
from domain.ledger.limit import Limit
from domain.ledger.transaction import Direction, Entry

_REGISTER_ASSETS = """
INSERT INTO assets (organisation_id, ledger_id, code, scale, version, is_used)
SELECT $1, $2, code, scale, registrations, false FROM unnest($3::text[], $4::smallint[], $5::bigint[])
    AS rows (code, scale, registrations)
ON CONFLICT (ledger_id, code) DO UPDATE SET scale = excluded.scale, version = assets.version + excluded.version
"""
_USE_ASSETS = "UPDATE assets SET is_used = true WHERE ledger_id = $1 AND code = ANY ($2::text[]) AND NOT is_used"
_CHANGE_SETTINGS = """
UPDATE ledger_settings
SET name = coalesce($2, name), metadata = coalesce($3::text::jsonb, metadata), is_frozen = coalesce($4, is_frozen),
    is_archived = coalesce($5, is_archived), version = version + $6
WHERE ledger_id = $1
"""
_SET_CHART = """
UPDATE ledger_settings SET chart = $2::text::jsonb, chart_version = chart_version + $3 WHERE ledger_id = $1
"""
# What is changed is found key by key, and named by its place and the partition that this is in: a plan that was made
# while rows were few joins keys the other way round, over all rows of the ledger.
_CHANGE_ACCOUNTS = """
UPDATE accounts
SET metadata = coalesce(rows.metadata::jsonb, accounts.metadata),
    limits = coalesce(rows.limits::jsonb, accounts.limits),
    status = coalesce(rows.status, accounts.status),
    frozen_debits = coalesce(rows.frozen_debits, accounts.frozen_debits),
    frozen_credits = coalesce(rows.frozen_credits, accounts.frozen_credits), version = accounts.version + changes
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::boolean[], $8::bigint[])
    AS rows (path, metadata, limits, status, frozen_debits, frozen_credits, changes)
CROSS JOIN LATERAL (
    SELECT ctid, tableoid, metadata FROM accounts WHERE ledger_id = $1 AND accounts.path = rows.path LIMIT 1) AS before
WHERE accounts.ctid = before.ctid AND accounts.tableoid = before.tableoid
RETURNING accounts.number, rows.path, before.metadata::text
"""
_CHANGE_TRANSACTIONS = """
UPDATE transactions SET metadata = rows.metadata::jsonb, version = transactions.version + changes
FROM unnest($2::uuid[], $3::text[], $4::bigint[]) AS rows (id, metadata, changes)
CROSS JOIN LATERAL (
    SELECT ctid, tableoid, metadata FROM transactions AS t WHERE ledger_id = $1 AND t.id = rows.id LIMIT 1) AS before
WHERE transactions.ctid = before.ctid AND transactions.tableoid = before.tableoid
RETURNING transactions.sequence, rows.id, before.metadata::text
"""
# By whole keys: without the digests, which stand before the number, all of the ledger's metadata would be read.
_FORGET_METADATA_VALUES = """
DELETE FROM metadata_values
USING unnest($2::text[], $3::bytea[], $4::bigint[]) AS rows (subject, digest, sequence)
CROSS JOIN LATERAL (
    SELECT ctid, tableoid FROM metadata_values AS filed
    WHERE ledger_id = $1 AND (filed.subject, filed.digest, filed.sequence) = (rows.subject, rows.digest, rows.sequence)
    LIMIT 1
) AS found
WHERE metadata_values.ctid = found.ctid AND metadata_values.tableoid = found.tableoid
"""
_CLOSE_HOLDS = """
UPDATE holds SET status = rows.status, closed_at = rows.closed_at
FROM unnest($2::uuid[], $3::text[], $4::timestamptz[]) AS rows (id, status, closed_at)
CROSS JOIN LATERAL (SELECT ctid, tableoid FROM holds WHERE ledger_id = $1 AND holds.id = rows.id LIMIT 1) AS found
WHERE holds.ctid = found.ctid AND holds.tableoid = found.tableoid
"""
_CLOSE_PERIOD = """
WITH closed AS (
    INSERT INTO periods (organisation_id, ledger_id, sequence, id, starts_on, starts_at, ends_on, ends_at, is_closed,
                         reason, closed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, true, $9, $10)
)
UPDATE ledger_settings SET closed_until = $8, closed_until_day = $7 WHERE ledger_id = $2
"""
_REOPEN_PERIOD = """
WITH reopened AS (
    UPDATE periods SET is_closed = false, reopen_reason = $3, reopened_at = $4 WHERE ledger_id = $1 AND id = $2
    RETURNING starts_on, starts_at
)
UPDATE ledger_settings SET closed_until = reopened.starts_at, closed_until_day = reopened.starts_on
FROM reopened WHERE ledger_id = $1
"""

Refiled = tuple[str, int, Mapping[str, str]]
"""A subject, its number, and the metadata that it has now."""


@dataclass(slots=True)
class _AccountChange:
    """What an account is left as; None is as it was."""

    metadata: Mapping[str, str] | None = None
    limits: str | None = None
    status: AccountStatus | None = None
    frozen: dict[Direction, bool] = field(default_factory=dict)
    times: int = 0


@dataclass(slots=True)
class _SettingsChange:
    """What a ledger's settings are left as; None is as they were."""

    name: str | None = None
    metadata: Mapping[str, str] | None = None
    is_frozen: bool | None = None
    is_archived: bool | None = None
    times: int = 0


@dataclass(slots=True)
class Changes:
    """What a group leaves each thing as that it changes, and how often it changes it."""

    assets: dict[str, tuple[int, int]] = field(default_factory=dict)
    used_assets: set[str] = field(default_factory=set)
    settings: _SettingsChange = field(default_factory=_SettingsChange)
    chart: tuple[ChartSet, int] | None = None
    accounts: dict[str, _AccountChange] = field(default_factory=dict)
    transactions: dict[str, tuple[Mapping[str, str], int]] = field(default_factory=dict)
    holds: dict[str, tuple[HoldStatus, datetime]] = field(default_factory=dict)
    periods: list[tuple[int, PeriodClosed | PeriodReopened, datetime]] = field(default_factory=list)
    attachments: AttachmentRows = field(default_factory=AttachmentRows)

    def use_assets(self, of: Iterable[Limit | Entry]) -> None:
        """Fix the scales of the assets of limits, or of held entries."""
        self.used_assets.update(each.asset.code for each in of)

    def add_capture(self, event: TransactionPosted, applied: Applied) -> None:
        """Close the hold that the transaction captures, if nothing of it is left, or if that is released."""
        if applied.effect.closes:
            assert event.hold is not None
            self.holds[event.hold] = (HoldStatus.CAPTURED, applied.recorded_at)

    def add(self, sequence: int, event: Event, recorded_at: datetime) -> None:
        """Take in an event that changes something there is."""
        match event:
            case AssetRegistered(code, scale):
                self.assets[code] = (scale, self.assets.get(code, (0, 0))[1] + 1)
            case ChartSet():
                self.chart = (event, self.chart[1] + 1 if self.chart else 1)
                for rule in event.rules:
                    self.use_assets(rule.limits)
            case AccountChanged() | AccountFrozen() | AccountUnfrozen() | AccountArchived() | AccountRestored():
                self._change_account(event)
            case TransactionChanged(id, metadata):
                self.transactions[id] = (metadata, self.transactions.get(id, ({}, 0))[1] + 1)
            case HoldReleased(id):
                self.holds[id] = (HoldStatus.RELEASED, recorded_at)
            case HoldExpired(id):
                self.holds[id] = (HoldStatus.EXPIRED, recorded_at)
            case PeriodClosed() | PeriodReopened():
                self.periods.append((sequence, event, recorded_at))
            case AttachmentAdded() | AttachmentRemoved():
                self.attachments.add(sequence, event, recorded_at)
            case LedgerChanged() | LedgerFrozen() | LedgerUnfrozen() | LedgerArchived() | LedgerRestored():
                self._change_settings(event)
            case _:
                raise AssertionError(f"{event.type} is written elsewhere")

    def _change_account(
        self, event: AccountChanged | AccountFrozen | AccountUnfrozen | AccountArchived | AccountRestored
    ) -> None:
        change = self.accounts.setdefault(event.account, _AccountChange())
        change.times += 1
        match event:
            case AccountChanged():
                change.metadata, change.limits = event.metadata, to_json(limits_document(event.limits))
                self.use_assets(event.limits)
            case AccountFrozen() | AccountUnfrozen():
                change.frozen |= dict.fromkeys(event.directions, isinstance(event, AccountFrozen))
            case AccountArchived():
                change.status = AccountStatus.ARCHIVED
            case AccountRestored():
                change.status = AccountStatus.OPEN

    def _change_settings(
        self, event: LedgerChanged | LedgerFrozen | LedgerUnfrozen | LedgerArchived | LedgerRestored
    ) -> None:
        change = self.settings
        change.times += 1
        match event:
            case LedgerChanged():
                change.name, change.metadata = event.name, event.metadata
            case LedgerFrozen() | LedgerUnfrozen():
                change.is_frozen = isinstance(event, LedgerFrozen)
            case LedgerArchived() | LedgerRestored():
                change.is_archived = isinstance(event, LedgerArchived)

    async def write(self, connection: DriverConnection, organisation_id: int, ledger_id: int) -> list[Refiled]:
        """Write what changed; return what is to be filed anew of metadata, once what was filed is forgotten."""
        if self.assets:
            codes = list(self.assets)
            scales, registrations = zip(*self.assets.values(), strict=True)
            await connection.execute(_REGISTER_ASSETS, organisation_id, ledger_id, codes, scales, registrations)
        if self.used_assets:
            await connection.execute(_USE_ASSETS, ledger_id, sorted(self.used_assets))
        if self.settings.times:
            change = self.settings
            metadata = None if change.metadata is None else to_json(dict(change.metadata))
            values = (change.name, metadata, change.is_frozen, change.is_archived, change.times)
            await connection.execute(_CHANGE_SETTINGS, ledger_id, *values)
        if self.chart:
            chart, times = self.chart
            await connection.execute(_SET_CHART, ledger_id, chart_document(chart.rules), times)
        if self.holds:
            ids = [stored_id("hold", id) for id in self.holds]
            statuses, closed_at = zip(*self.holds.values(), strict=True)
            await connection.execute(_CLOSE_HOLDS, ledger_id, ids, [each.value for each in statuses], closed_at)
        for sequence, event, at in self.periods:
            await _write_period(connection, organisation_id, ledger_id, sequence, event, at)
        await self.attachments.write(connection, organisation_id, ledger_id)
        return await self._write_metadata(connection, ledger_id)

    async def _write_metadata(self, connection: DriverConnection, ledger_id: int) -> list[Refiled]:
        refiled: list[Refiled] = []
        filed: list[tuple[str, bytes, int]] = []

        def refile(subject: str, number: int, metadata: Mapping[str, str], before: str) -> None:
            refiled.append((subject, number, metadata))
            filed.extend((subject, metadata_digest(key, value), number) for key, value in json.loads(before).items())

        if self.accounts:
            columns = [list(column) for column in zip(*map(_account_row, self.accounts.items()), strict=True)]
            for number, path, before in await connection.fetch(_CHANGE_ACCOUNTS, ledger_id, *columns):
                metadata = self.accounts[path].metadata
                if metadata is not None:
                    refile("account", number, metadata, before)
        if self.transactions:
            of_stored = {stored_id("txn", id): change for id, change in self.transactions.items()}
            documents, times = zip(*[(to_json(dict(each)), n) for each, n in of_stored.values()], strict=True)
            changed = await connection.fetch(_CHANGE_TRANSACTIONS, ledger_id, list(of_stored), documents, times)
            for sequence, id, before in changed:
                refile("transaction", sequence, of_stored[id][0], before)
        if filed:
            # What was filed before, in this group too, is replaced.
            await connection.execute(_FORGET_METADATA_VALUES, ledger_id, *zip(*filed, strict=True))
        return refiled


def _account_row(item: tuple[str, _AccountChange]) -> tuple[Any, ...]:
    path, change = item
    return (
        path,
        None if change.metadata is None else to_json(dict(change.metadata)),
        change.limits,
        None if change.status is None else change.status.value,
        change.frozen.get(Direction.DEBIT),
        change.frozen.get(Direction.CREDIT),
        change.times,
    )


async def _write_period(
    connection: DriverConnection,
    organisation_id: int,
    ledger_id: int,
    sequence: int,
    event: PeriodClosed | PeriodReopened,
    at: datetime,
) -> None:
    id = stored_id("prd", event.id)
    if isinstance(event, PeriodReopened):
        await connection.execute(_REOPEN_PERIOD, ledger_id, id, event.reason, at)
        return
    days = (event.starts_on, event.starts_at, event.ends_on, event.ends_at)
    await connection.execute(_CLOSE_PERIOD, organisation_id, ledger_id, sequence, id, *days, event.reason, at)

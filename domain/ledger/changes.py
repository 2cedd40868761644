"""What events make of accounts, settings, holds and periods, each by itself."""

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from domain.ledger.account import Account, AccountStatus
from domain.ledger.effect import LeftLine
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountRestored,
    AccountUnfrozen,
    HoldPlaced,
    LedgerArchived,
    LedgerChanged,
    LedgerCreated,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
    PeriodClosed,
    TransactionPosted,
)
from domain.ledger.hold import Hold
from domain.ledger.period import Period
from domain.ledger.scope import AccountAsset
from domain.ledger.settings import LedgerSettings
from domain.ledger.transaction import Side, sides_of

Results = MutableMapping[AccountAsset, int]
"""Debits less credits of income and expense accounts, in minor units."""

AccountEvent = AccountChanged | AccountFrozen | AccountUnfrozen | AccountArchived | AccountRestored
SettingsEvent = LedgerCreated | LedgerChanged | LedgerFrozen | LedgerUnfrozen | LedgerArchived | LedgerRestored


def changed_account(account: Account, event: AccountEvent) -> Account:
    """Return the account as the event leaves it."""
    version = account.version + 1
    match event:
        case AccountChanged():
            limits = {limit.asset.code: limit for limit in event.limits}
            return replace(account, metadata=event.metadata, limits=limits, version=version)
        case AccountFrozen():
            return replace(account, frozen=account.frozen | event.directions, version=version)
        case AccountUnfrozen():
            return replace(account, frozen=account.frozen - event.directions, version=version)
        case AccountArchived():
            return replace(account, status=AccountStatus.ARCHIVED, version=version)
        case AccountRestored():
            return replace(account, status=AccountStatus.OPEN, version=version)
    assert_never(event)


def changed_settings(settings: LedgerSettings, event: SettingsEvent) -> LedgerSettings:
    """Return the settings as the event leaves them."""
    version = settings.version + 1
    match event:
        case LedgerCreated():
            return LedgerSettings(event.name, event.time_zone, event.metadata, 1)
        case LedgerChanged():
            return replace(settings, name=event.name, metadata=event.metadata, version=version)
        case LedgerFrozen():
            return replace(settings, is_frozen=True, version=version)
        case LedgerUnfrozen():
            return replace(settings, is_frozen=False, version=version)
        case LedgerArchived():
            return replace(settings, is_archived=True, version=version)
        case LedgerRestored():
            return replace(settings, is_archived=False, version=version)
    assert_never(event)


def placed_hold(number: int, event: HoldPlaced) -> Hold:
    """Return the hold that the event of that sequence places."""
    return Hold(
        number,
        event.id,
        event.entries,
        sides_of(event.entries),
        event.expires_at,
        event.reference,
        event.description,
        event.metadata,
    )


def closed_period(event: PeriodClosed) -> Period:
    """Return the period that the event closes."""
    return Period(event.id, event.starts_on, event.starts_at, event.ends_on, event.ends_at)


def changed_sides(
    accounts: Mapping[str, Account], number: int, before: Mapping[Side, int], left: Mapping[Side, int]
) -> tuple[LeftLine, ...]:
    """Return what is left now of those sides of the hold or transaction with that number of which less is left."""
    return tuple(
        LeftLine(number, accounts[path], direction, code, amount)
        for (path, direction, code), amount in left.items()
        if amount != before.get((path, direction, code))
    )


def keep_results(
    of_times: Mapping[datetime, Results], accounts: Mapping[str, Account], event: TransactionPosted
) -> None:
    """Add what a transaction posts to income and expense accounts to the results before the times (UTC)."""
    for before, results in of_times.items():
        if event.effective_at >= before:
            continue
        for entry in event.entries:
            if accounts[entry.account].type.has_results:
                key = (entry.account, entry.asset.code)
                results[key] = results.get(key, 0) + entry.signed

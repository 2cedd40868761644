"""Accounts, their balances and their entries as they are shown."""

from collections.abc import Mapping
from typing import NotRequired

from typing_extensions import TypedDict

from application.ledger.readers import AccountEntryView, AccountView, AssetBalance
from domain.ledger.account import Account
from domain.ledger.asset import format_amount
from domain.ledger.chart import Chart
from domain.ledger.limiting import limits_in_force
from domain.shared.chain import format_time
from entrypoints.http.v1.limits import LimitDocument, limit_documents


class AccountDocument(TypedDict):
    """An account; `version` counts changes of its settings, not its entries. `status` is `open` or `archived`.

    It takes no entries in the directions that are `frozen`. `limits` are its own; `limits_in_force` are those and, in
    assets in which it sets none, the ones that the chart gives now: they are left out of lists, and where an account
    was just opened.
    """

    path: str
    type: str
    status: str
    frozen: list[str]
    limits: list[LimitDocument]
    limits_in_force: NotRequired[list[LimitDocument]]
    metadata: Mapping[str, str]
    version: int
    opened_at: str


class BalanceDocument(TypedDict):
    """What an account holds of an asset, on the account's normal side; the four totals are what it follows from.

    `available` is what is posted, less what open holds may take; what they may bring is not available. At a time, only
    what was posted is known: the other fields are null.
    """

    asset: str
    posted: str
    available: str | None
    posted_debits: str
    posted_credits: str
    held_debits: str | None
    held_credits: str | None
    balance_version: int | None


class BalancesDocument(TypedDict):
    """What an account holds."""

    account: str
    type: str
    balances: list[BalanceDocument]


class AccountEntryDocument(TypedDict):
    """A line of an account's history."""

    sequence: int
    transaction: str
    direction: str
    amount: str
    asset: str
    balance_after: str
    balance_version: int
    reference: str | None
    description: str
    effective_at: str
    recorded_at: str


def account_document(account: Account, opened_at: str) -> AccountDocument:
    """Return an account as lists show it."""
    return {
        "path": account.path,
        "type": account.type.value,
        "status": account.status.value,
        "frozen": sorted(direction.value for direction in account.frozen),
        "limits": limit_documents(account.limits[code] for code in sorted(account.limits)),
        "metadata": account.metadata,
        "version": account.version,
        "opened_at": opened_at,
    }


def whole_account_document(account: Account, opened_at: str, chart: Chart) -> AccountDocument:
    """Return an account as it is shown by itself, with the limits that are in force under the chart."""
    document = account_document(account, opened_at)
    document["limits_in_force"] = limit_documents(limits_in_force(account, chart))
    return document


def listed_document(view: AccountView) -> AccountDocument:
    """Return a stored account as lists show it."""
    return account_document(view.account, format_time(view.opened_at))


def balance_document(account: Account, of_asset: AssetBalance) -> BalanceDocument:
    """Return what an account holds of an asset as it is shown."""
    scale, balance, held = of_asset.asset.scale, of_asset.balance, of_asset.held
    posted = balance.posted(account.type)
    return {
        "asset": of_asset.asset.code,
        "posted": format_amount(posted, scale),
        "available": format_amount(posted - held.decreases(account.type), scale),
        "posted_debits": format_amount(balance.posted_debits, scale),
        "posted_credits": format_amount(balance.posted_credits, scale),
        "held_debits": format_amount(held.debits, scale),
        "held_credits": format_amount(held.credits, scale),
        "balance_version": balance.version,
    }


def posted_document(account: Account, of_asset: AssetBalance) -> BalanceDocument:
    """Return a balance at a time: holds and versions belong to the order of events, and not to that of the business."""
    document = balance_document(account, of_asset)
    return {**document, "available": None, "held_debits": None, "held_credits": None, "balance_version": None}


def entry_document(view: AccountEntryView) -> AccountEntryDocument:
    """Return a line of an account's history as it is shown."""
    line = view.line
    scale = line.entry.asset.scale
    return {
        "sequence": view.sequence,
        "transaction": view.transaction_id,
        "direction": line.entry.direction.value,
        "amount": format_amount(line.entry.amount, scale),
        "asset": line.entry.asset.code,
        "balance_after": format_amount(line.balance.posted(line.account.type), scale),
        "balance_version": line.balance.version,
        "reference": view.reference,
        "description": view.description,
        "effective_at": format_time(view.effective_at),
        "recorded_at": format_time(view.recorded_at),
    }

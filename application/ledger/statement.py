"""Account statements: what an account held, what moved it in a span of effective time, and what it held then."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from application.ledger.readers import AccountEntryView, LedgerReads
from application.ledger.reports import Interval
from application.ledger.spans import AsOf
from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset
from domain.ledger.transaction import Direction
from domain.shared.errors import DomainError, ErrorKind

ENTRIES_MAX: Final = 50_000
_ENTRIES_PER_TURN: Final = 500


class StatementTooLong(DomainError):
    """The statement would have more entries than can be put together at once. Ask for a shorter span, or one asset.

    `GET /v1/ledgers/{ledger}/accounts/{path}/entries` lists any number of entries, page by page.
    """

    code = "statement-too-long"
    kind = ErrorKind.REFUSED
    title = "The statement would be too long"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """An entry, and the balance that it left in the order of effective times; minor units on the normal side."""

    entry: AccountEntryView
    balance: int


@dataclass(frozen=True, slots=True)
class AssetStatement:
    """What an account did in one asset, in minor units; `opening` and `closing` are balances on its normal side.

    `debits` and `credits` are those of the lines. Lines are in the order of their effective time, then of their
    sequence, then of their position in the transaction.
    """

    asset: Asset
    opening: int
    lines: Sequence[StatementLine]
    debits: int
    credits: int
    closing: int


@dataclass(frozen=True, slots=True)
class Statement:
    """An account's statement over a span, by asset code, as known after the event `sequence`."""

    account: Account
    interval: Interval
    sequence: int
    assets: Sequence[AssetStatement]


async def account_statement(
    reads: LedgerReads,
    slug: str,
    path: str,
    *,
    interval: Interval,
    asset: str | None = None,
    sequence: int | None = None,
    entries_max: int = ENTRIES_MAX,
) -> Statement:
    """Return the account's statement in one asset, or in all that it held or that moved.

    Raises `LedgerNotFound`, `AccountNotFound`, and `StatementTooLong` for more than so many entries.
    """
    head = (await reads.ledgers.head(slug)).sequence
    entries = await reads.accounts.entries_within(
        slug, path, asset=asset, since=interval.since, as_of=AsOf(interval.before, sequence), limit=entries_max
    )
    if entries is None:
        raise StatementTooLong(
            f"The account {path!r} has more than {entries_max:,} entries in this span: ask for a shorter one."
        )
    # Its own, and not that of an entry: there may be none.
    account, held = await reads.accounts.balances(slug, path, as_of=AsOf(interval.since, sequence))
    openings: dict[Asset, int] = {}
    if interval.since is not None:
        openings = {
            each.asset: each.balance.posted(account.type) for each in held if asset is None or each.asset.code == asset
        }
    lines_of: dict[Asset, list[AccountEntryView]] = {opened: [] for opened in openings}
    for entry in entries:
        lines_of.setdefault(entry.line.entry.asset, []).append(entry)
    assets = [
        await _of_asset(account.type, each, openings.get(each, 0), lines)
        for each, lines in sorted(lines_of.items(), key=lambda item: item[0].code)
    ]
    return Statement(account, interval, head if sequence is None else min(sequence, head), assets)


async def _of_asset(
    account_type: AccountType, asset: Asset, opening: int, entries: Sequence[AccountEntryView]
) -> AssetStatement:
    debits = credits = 0
    balance = opening
    lines = []
    for index, entry in enumerate(entries, 1):
        amount = entry.line.entry.amount
        is_debit = entry.line.entry.direction is Direction.DEBIT
        debits += amount if is_debit else 0
        credits += 0 if is_debit else amount
        balance += amount if is_debit == account_type.is_debit_normal else -amount
        lines.append(StatementLine(entry, balance))
        if index % _ENTRIES_PER_TURN == 0:
            await asyncio.sleep(0)
    return AssetStatement(asset, opening, lines, debits, credits, balance)

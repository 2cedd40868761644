"""Limiting: how floors and ceilings judge what is posted and held (rule 10)."""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.ledger.account import Account, AccountType
from domain.ledger.asset import Asset, format_amount, parse_signed_amount
from domain.ledger.book import Book
from domain.ledger.chart import Chart
from domain.ledger.first_use import asset_in_use
from domain.ledger.limit import InsufficientFunds, Limit, LimitDraft, LimitExceeded
from domain.ledger.scope import AccountAsset
from domain.ledger.transaction import Direction, Entry
from domain.shared.errors import Blame, DomainError, ValidationFailed

LIMITS_MAX: Final = 100

Types = Mapping[str, AccountType]
"""The types of accounts that are not open yet, by path."""


def require_within_limits(book: Book, entries: Sequence[Entry], types: Types, *, is_hold: bool = False) -> None:
    """Return if no entry makes an account break its limits, or break them worse.

    What is posted is judged net per account and asset; what is held gross, as captures may take the entries apart.
    Raises `InsufficientFunds`, `LimitExceeded`.
    """
    if not may_be_limited(book, entries):
        return
    falls: dict[AccountAsset, int] = {}
    rises: dict[AccountAsset, int] = {}
    assets: dict[AccountAsset, Asset] = {}
    for entry in entries:
        key = (entry.account, entry.asset.code)
        assets[key] = entry.asset
        signed = entry.signed if _type_of(book, entry.account, types).is_debit_normal else -entry.signed
        changes = rises if signed > 0 else falls
        changes[key] = changes.get(key, 0) + abs(signed)
    for key, asset in assets.items():
        limit = book.limit(*key)
        if limit is None:
            continue
        fall, rise = falls.get(key, 0), rises.get(key, 0)
        if not is_hold:
            fall, rise = max(fall - rise, 0), max(rise - fall, 0)
        refusal = _strained(book, key, asset, limit, _type_of(book, key[0], types), fall, rise)
        if refusal is not None:
            is_debit_normal = _type_of(book, key[0], types).is_debit_normal
            worse = is_debit_normal == isinstance(refusal, LimitExceeded)
            refusal.blames = (_blame(refusal, entries, key, Direction.DEBIT if worse else Direction.CREDIT),)
            raise refusal


def limits_in_force(account: Account, chart: Chart) -> tuple[Limit, ...]:
    """Return the limits that bind the account now, by asset: its own where it sets any, else those of the chart."""
    limits = {**chart.limits_for(account.path), **account.limits}
    bounded = (limits[code] for code in sorted(limits))
    return tuple(limit for limit in bounded if (limit.minimum, limit.maximum) != (None, None))


def may_be_limited(book: Book, entries: Sequence[Entry]) -> bool:
    """Return whether any limit could apply: what most transactions are spared the rest of the judging by."""
    if book.chart.has_limits:
        return True
    accounts = book.accounts
    return any((account := accounts.get(entry.account)) is not None and account.limits for entry in entries)


def _type_of(book: Book, path: str, types: Types) -> AccountType:
    account = book.accounts.get(path)
    return types[path] if account is None else account.type


def _strained(
    book: Book, key: AccountAsset, asset: Asset, limit: Limit, account_type: AccountType, fall: int, rise: int
) -> DomainError | None:
    path, code = key
    posted, held = book.balance(path, code).posted(account_type), book.held_on(path, code)
    available = posted - held.decreases(account_type)
    highest = posted + held.increases(account_type)

    def shown(minor: int) -> str:
        return format_amount(minor, asset.scale)

    facts = {"account": path, "asset": code, "available": shown(available)}
    if limit.minimum is not None and fall and available - fall < limit.minimum:
        return InsufficientFunds(
            f"{path} has {shown(available)} {code} available and may not fall below {shown(limit.minimum)}: "
            f"{shown(fall)} were asked.",
            facts=facts | {"limit": shown(limit.minimum), "asked": shown(fall)},
        )
    if limit.maximum is not None and rise and highest + rise > limit.maximum:
        return LimitExceeded(
            f"{path} may not rise above {shown(limit.maximum)} {code}. With what may still be captured it has "
            f"{shown(highest)}: {shown(rise)} were asked.",
            facts=facts | {"limit": shown(limit.maximum), "asked": shown(rise)},
        )
    return None


def _blame(refusal: DomainError, entries: Sequence[Entry], key: AccountAsset, worse: Direction) -> Blame:
    """Return the first entry that makes it worse: there may be thousands, and the refusal is of their sum."""
    side = (*key, worse)
    index = next(i for i, each in enumerate(entries) if (each.account, each.asset.code, each.direction) == side)
    return Blame(f"/entries/{index}/amount", refusal.detail)


def drafted_limits(
    book: Book, drafts: Sequence[LimitDraft], new_assets: dict[str, Asset], *, pointer: str
) -> tuple[Limit, ...]:
    """Return the limits that were asked for; assets that they use for the first time are added to `new_assets`.

    Raises `ValidationFailed`, `TooManyDecimals`, `UnknownAsset`.
    """
    if len(drafts) > LIMITS_MAX:
        raise ValidationFailed(f"There are limits in at most {LIMITS_MAX:,} assets.", pointer=pointer)
    limits: dict[str, Limit] = {}
    for index, draft in enumerate(drafts):
        place = f"{pointer}/{index}"
        asset = asset_in_use(book, draft.asset, new_assets, pointer=f"{place}/asset")
        if asset.code in limits:
            raise ValidationFailed(f"{asset.code} has two limits: write one.", pointer=f"{place}/asset")
        minimum, maximum = (
            None if text is None else parse_signed_amount(text, asset, pointer=f"{place}/{name}")
            for name, text in (("minimum", draft.minimum), ("maximum", draft.maximum))
        )
        if minimum is not None and maximum is not None and minimum > maximum:
            raise ValidationFailed(
                f"The minimum {draft.minimum} is above the maximum {draft.maximum}.", pointer=f"{place}/minimum"
            )
        limits[asset.code] = Limit(Asset(asset.code, asset.scale), minimum, maximum)
    return tuple(limits[code] for code in sorted(limits))

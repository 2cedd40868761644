"""Posting: what a transaction that was asked for becomes, given the books as they stand."""

from datetime import datetime

from domain.ledger.account import AccountType, EntryAccountNotFound, checked_path
from domain.ledger.asset import Asset, UnknownAsset, checked_asset_code, parse_amount, standard_asset
from domain.ledger.book import Book
from domain.ledger.events import AccountOpened, AssetRegistered, Event, TransactionPosted
from domain.ledger.transaction import (
    DESCRIPTION_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    DuplicateReference,
    Entry,
    TransactionDraft,
    check_balanced,
    effective_time,
)
from domain.shared.text import checked_metadata, checked_name, checked_text


def post(book: Book, draft: TransactionDraft, now: datetime) -> list[Event]:
    """Return the events of a posting: assets and accounts used for the first time, then the transaction.

    Raises a `DomainError` that names what is wrong and where: the form of a part, `UnknownAsset`, `TooManyDecimals`,
    `EntryAccountNotFound`, `UnbalancedTransaction`, `DuplicateReference`, `EffectiveInFuture`.
    """
    _check_reference(book, draft.reference)
    new_assets: dict[str, Asset] = {}
    new_accounts: dict[str, AccountType] = {}
    entries = []
    for index, asked in enumerate(draft.entries):
        asset = book.assets.get(asked.asset) or new_assets.get(asked.asset)
        if asset is None:
            asset = _first_use(asked.asset, pointer=f"/entries/{index}/asset")
            new_assets[asset.code] = asset
        if asked.account not in book.accounts and asked.account not in new_accounts:
            new_accounts[asked.account] = _type_by_chart(book, asked.account, pointer=f"/entries/{index}/account")
        amount = parse_amount(asked.amount, asset, pointer=f"/entries/{index}/amount")
        entries.append(Entry(asked.account, asked.direction, amount, asset))
    check_balanced(entries)
    posted = TransactionPosted(
        id=draft.id,
        entries=tuple(entries),
        effective_at=effective_time(draft.effective_at, now),
        reference=draft.reference,
        description=checked_text(
            draft.description, what="The description", length_max=DESCRIPTION_LENGTH_MAX, pointer="/description"
        ),
        metadata=checked_metadata(draft.metadata),
    )
    events: list[Event] = [AssetRegistered(asset.code, asset.scale) for asset in new_assets.values()]
    events += [AccountOpened(path, account_type) for path, account_type in new_accounts.items()]
    events.append(posted)
    return events


def _check_reference(book: Book, reference: str | None) -> None:
    if reference is None:
        return
    checked_name(reference, what="The reference", length_max=REFERENCE_LENGTH_MAX, pointer="/reference")
    taken_by = book.references.get(reference)
    if taken_by is not None:
        raise DuplicateReference(
            f"The reference {reference!r} belongs to the transaction {taken_by}.", pointer="/reference"
        )


def _first_use(code: str, *, pointer: str) -> Asset:
    asset = standard_asset(checked_asset_code(code, pointer=pointer))
    if asset is None:
        raise UnknownAsset(
            f"{code} is not registered in this ledger, and no currency of ISO 4217: register it with its scale.",
            pointer=pointer,
        )
    return asset


def _type_by_chart(book: Book, path: str, *, pointer: str) -> AccountType:
    account_type = book.chart.type_for(checked_path(path, pointer))
    if account_type is None:
        raise EntryAccountNotFound(
            f"There is no account {path!r}, and the ledger's chart gives no type to open it with: open it first.",
            pointer=pointer,
        )
    return account_type

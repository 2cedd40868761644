"""First use: assets and accounts that a ledger gets by being used."""

from collections.abc import Mapping

from domain.ledger.account import AccountType, EntryAccountNotFound
from domain.ledger.asset import Asset, UnknownAsset, checked_asset_code, standard_asset
from domain.ledger.book import Book
from domain.ledger.events import AssetRegistered
from domain.shared.paths import checked_path


def asset_in_use(book: Book, code: str, new_assets: dict[str, Asset], *, pointer: str) -> Asset:
    """Return the asset of that code; one that is used for the first time is added to `new_assets`.

    Raises `UnknownAsset` for what is neither registered nor a currency, `ValidationFailed` for what can be no code.
    """
    asset = book.assets.get(code) or new_assets.get(code)
    if asset is None:
        asset = standard_asset(checked_asset_code(code, pointer=pointer))
        if asset is None:
            raise UnknownAsset(
                f"{code} is not registered in this ledger, and no currency of ISO 4217: register it with its scale.",
                pointer=pointer,
            )
        new_assets[code] = asset
    return asset


def registrations(new_assets: Mapping[str, Asset]) -> list[AssetRegistered]:
    """Return the events of assets that are used for the first time."""
    return [AssetRegistered(asset.code, asset.scale) for asset in new_assets.values()]


def type_by_chart(book: Book, path: str, *, pointer: str) -> AccountType:
    """Return the type that an account is opened with by its first entry.

    Raises `EntryAccountNotFound` where the chart gives none, `ValidationFailed` for what can be no path.
    """
    account_type = book.chart.type_for(checked_path(path, pointer))
    if account_type is None:
        raise EntryAccountNotFound(
            f"There is no account {path!r}, and the ledger's chart gives no type to open it with: open it first.",
            pointer=pointer,
        )
    return account_type

"""What an event must keep to that others have made, in a log or by a command: a whole chain says nothing of books."""

from domain.ledger.asset import checked_asset_code, checked_scale
from domain.ledger.events import AccountOpened, AssetRegistered, Event, HoldPlaced, TransactionPosted
from domain.ledger.transaction import check_balanced
from domain.shared.paths import checked_path


def require_sound(event: Event) -> None:
    """Return if names are such as accounts and assets may have, and debits equal credits. Raises a `DomainError`."""
    match event:
        case TransactionPosted() | HoldPlaced():
            check_balanced(event.entries)
        case AccountOpened():
            checked_path(event.account)
        case AssetRegistered():
            checked_asset_code(event.code)
            checked_scale(event.scale)
        case _:
            pass

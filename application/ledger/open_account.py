"""Open an account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from domain.ledger.account import AccountExists, AccountStatus, AccountType
from domain.ledger.asset import Asset
from domain.ledger.book import Book
from domain.ledger.events import AccountOpened, Event
from domain.ledger.first_use import registrations
from domain.ledger.limit import LimitDraft
from domain.ledger.limiting import drafted_limits
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.errors import ValidationFailed
from domain.shared.paths import checked_path
from domain.shared.text import checked_metadata


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open an account before its first entry; its type may be left out where the chart gives it.

    Refuses with `AccountExists`, or `ValidationFailed` for a path that cannot name an account and for a type that
    neither the request nor the chart gives; for limits, also as `drafted_limits` does.
    """

    permission: ClassVar = Permission.ACCOUNTS_OPEN
    size: ClassVar = 0
    path: str
    type: AccountType | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[LimitDraft, ...] = ()

    def scope(self) -> Scope:
        """Return the account, and the assets of its limits."""
        return Scope(accounts=(self.path,), assets=[limit.asset for limit in self.limits])

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the opening, or refuse."""
        path = checked_path(self.path, "/path")
        account = book.accounts.get(path)
        if account is not None:
            is_archived = account.status is AccountStatus.ARCHIVED
            detail = "is archived: restoring it is the only way back" if is_archived else "is open already"
            raise AccountExists(f"The account {path!r} {detail}.", pointer="/path")
        account_type = self.type or book.chart.type_for(path)
        if account_type is None:
            raise ValidationFailed(
                f'The ledger\'s chart gives no type for {path!r}: say which it is, for example "liability".',
                pointer="/type",
            )
        new_assets: dict[str, Asset] = {}
        limits = drafted_limits(book, self.limits, new_assets, pointer="/limits")
        opened = AccountOpened(path, account_type, checked_metadata(self.metadata), limits)
        return [*registrations(new_assets), opened]

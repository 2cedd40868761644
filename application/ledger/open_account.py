"""Open an account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from domain.ledger.account import AccountExists, AccountType, checked_path
from domain.ledger.book import Book, Scope
from domain.ledger.events import AccountOpened, Event
from domain.shared.access import Permission
from domain.shared.errors import ValidationFailed
from domain.shared.text import checked_metadata


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open an account before its first entry; its type may be left out where the chart gives it.

    Refuses with `AccountExists`, or `ValidationFailed` for a path that cannot name an account and for a type that
    neither the request nor the chart gives.
    """

    permission: ClassVar = Permission.ACCOUNTS_OPEN
    size: ClassVar = 0
    path: str
    type: AccountType | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def scope(self) -> Scope:
        """Return the account."""
        return Scope(accounts=(self.path,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the opening, or refuse."""
        path = checked_path(self.path, "/path")
        if path in book.accounts:
            raise AccountExists(f"The account {path!r} is open already.", pointer="/path")
        account_type = self.type or book.chart.type_for(path)
        if account_type is None:
            raise ValidationFailed(
                f'The ledger\'s chart gives no type for {path!r}: say which it is, for example "liability".',
                pointer="/type",
            )
        return [AccountOpened(path, account_type, checked_metadata(self.metadata))]

"""Change an account's metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.ledger.expected_version import require_version
from domain.ledger.book import Book, Scope
from domain.ledger.events import AccountChanged, Event
from domain.shared.access import Permission
from domain.shared.text import merged_metadata


@dataclass(frozen=True, slots=True)
class ChangeAccount:
    """Lay `metadata` over the account's own; a key given None is taken out. Nothing happens if nothing differs.

    Refuses with `AccountNotFound`, with `VersionConflict` if its version is not the one expected, and with
    `ValidationFailed` for metadata beyond the bounds.
    """

    permission: ClassVar = Permission.ACCOUNTS_CHANGE
    size: ClassVar = 0
    path: str
    expected_version: int | None
    metadata: Mapping[str, str | None]

    def scope(self) -> Scope:
        """Return the account."""
        return Scope(accounts=(self.path,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the change, or refuse."""
        account = book.account(self.path)
        require_version(f"The account {self.path!r}", account.version, self.expected_version)
        metadata = merged_metadata(account.metadata, self.metadata)
        return [] if metadata == account.metadata else [AccountChanged(self.path, metadata)]

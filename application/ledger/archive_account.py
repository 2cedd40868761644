"""Archive and restore accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.account import AccountNotEmpty, AccountStatus
from domain.ledger.book import Book
from domain.ledger.emptiness import nonzero, shown_remainder
from domain.ledger.events import AccountArchived, AccountRestored, Event
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.text import checked_reason


@dataclass(frozen=True, slots=True)
class ArchiveAccount:
    """Put away an account on which nothing is posted or held. One that is archived already stays so.

    Refuses with `AccountNotFound`, `VersionConflict`, `AccountNotEmpty`, `ValidationFailed`.
    """

    permission: ClassVar = Permission.ACCOUNTS_ARCHIVE
    size: ClassVar = 0
    path: str
    expected_version: int | None
    reason: str

    def scope(self) -> Scope:
        """Return the account, with its balances in all assets."""
        return Scope(whole_accounts=(self.path,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the archiving, or refuse."""
        account = book.account(self.path)
        require_version(f"The account {self.path!r}", account.version, self.expected_version)
        if account.status is AccountStatus.ARCHIVED:
            return []
        remaining = [key for key in nonzero(book) if key[0] == self.path]
        if remaining:
            detail, facts = shown_remainder(book, remaining[0])
            raise AccountNotEmpty(detail, facts=facts)
        return [AccountArchived(self.path, checked_reason(self.reason))]


@dataclass(frozen=True, slots=True)
class RestoreAccount:
    """Bring an archived account back. Refuses with `AccountNotFound`, `ValidationFailed`."""

    permission: ClassVar = Permission.ACCOUNTS_ARCHIVE
    size: ClassVar = 0
    path: str
    reason: str

    def scope(self) -> Scope:
        """Return the account."""
        return Scope(accounts=(self.path,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the restoring, nothing where the account is in use, or refuse."""
        if book.account(self.path).status is AccountStatus.OPEN:
            return []
        return [AccountRestored(self.path, checked_reason(self.reason))]

"""Freeze and unfreeze accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.ledger.account import BOTH, AccountStatus, ArchivedAccount
from domain.ledger.book import Book
from domain.ledger.events import AccountFrozen, AccountUnfrozen, Event
from domain.ledger.scope import Scope
from domain.ledger.transaction import Direction
from domain.shared.access import Permission
from domain.shared.text import checked_reason


@dataclass(frozen=True, slots=True)
class FreezeAccount:
    """Let an account take no more debits, credits or either. What is frozen already stays so, and is no event.

    Refuses with `AccountNotFound`, `ArchivedAccount`, and with `ValidationFailed` for a reason that cannot be kept.
    """

    permission: ClassVar = Permission.ACCOUNTS_FREEZE
    size: ClassVar = 0
    path: str
    reason: str
    directions: frozenset[Direction] = BOTH

    def scope(self) -> Scope:
        """Return the account."""
        return Scope(accounts=(self.path,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the freezing, or refuse."""
        account = book.account(self.path)
        if account.status is AccountStatus.ARCHIVED:
            raise ArchivedAccount(f"The account {self.path} is archived: it takes no entries anyway.")
        new = self.directions - account.frozen
        return [AccountFrozen(self.path, new, checked_reason(self.reason))] if new else []


@dataclass(frozen=True, slots=True)
class UnfreezeAccount:
    """Let an account take entries again. Refuses with `AccountNotFound`, `ValidationFailed`."""

    permission: ClassVar = Permission.ACCOUNTS_FREEZE
    size: ClassVar = 0
    path: str
    reason: str
    directions: frozenset[Direction] = BOTH

    def scope(self) -> Scope:
        """Return the account."""
        return Scope(accounts=(self.path,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the unfreezing, or refuse."""
        thawed = self.directions & book.account(self.path).frozen
        return [AccountUnfrozen(self.path, thawed, checked_reason(self.reason))] if thawed else []

"""Freeze and unfreeze ledgers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.ledger.book import Book
from domain.ledger.events import Event, LedgerFrozen, LedgerUnfrozen
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.text import checked_reason


@dataclass(frozen=True, slots=True)
class FreezeLedger:
    """Let a ledger take no more transactions and holds. Refuses with `ValidationFailed`."""

    permission: ClassVar = Permission.LEDGERS_FREEZE
    size: ClassVar = 0
    reason: str

    def scope(self) -> Scope:
        """Return nothing: every book knows its ledger's settings."""
        return Scope()

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the freezing, nothing where the ledger is frozen, or refuse."""
        return [] if book.settings.is_frozen else [LedgerFrozen(checked_reason(self.reason))]


@dataclass(frozen=True, slots=True)
class UnfreezeLedger:
    """Let a ledger take transactions and holds again. Refuses with `ValidationFailed`."""

    permission: ClassVar = Permission.LEDGERS_FREEZE
    size: ClassVar = 0
    reason: str

    def scope(self) -> Scope:
        """Return nothing: every book knows its ledger's settings."""
        return Scope()

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the unfreezing, nothing where the ledger is not frozen, or refuse."""
        return [LedgerUnfrozen(checked_reason(self.reason))] if book.settings.is_frozen else []

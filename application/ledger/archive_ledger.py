"""Archive and restore ledgers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.book import Book
from domain.ledger.emptiness import nonzero, shown_remainder
from domain.ledger.events import Event, LedgerArchived, LedgerRestored
from domain.ledger.scope import Scope
from domain.ledger.settings import LedgerNotEmpty
from domain.shared.access import Permission
from domain.shared.text import checked_reason


@dataclass(frozen=True, slots=True)
class ArchiveLedger:
    """Put away a ledger in which nothing is left or held. One that is archived already stays so.

    Refuses with `VersionConflict`, `LedgerNotEmpty`, `ValidationFailed`.
    """

    permission: ClassVar = Permission.LEDGERS_ARCHIVE
    size: ClassVar = 0
    expected_version: int | None
    reason: str

    def scope(self) -> Scope:
        """Return what is left in it."""
        return Scope(unsettled=True)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the archiving, or refuse."""
        require_version("The ledger", book.settings.version, self.expected_version)
        if book.settings.is_archived:
            return []
        remaining = nonzero(book)
        if remaining:
            detail, facts = shown_remainder(book, remaining[0])
            raise LedgerNotEmpty(detail, facts=facts)
        return [LedgerArchived(checked_reason(self.reason))]


@dataclass(frozen=True, slots=True)
class RestoreLedger:
    """Bring an archived ledger back. Refuses with `ValidationFailed`."""

    permission: ClassVar = Permission.LEDGERS_ARCHIVE
    size: ClassVar = 0
    reason: str

    def scope(self) -> Scope:
        """Return nothing: every book knows its ledger's settings."""
        return Scope()

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the restoring, nothing where the ledger is in use, or refuse."""
        return [LedgerRestored(checked_reason(self.reason))] if book.settings.is_archived else []

"""Change a transaction's metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.book import Book
from domain.ledger.events import Event, TransactionChanged
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.text import merged_metadata


@dataclass(frozen=True, slots=True)
class ChangeTransaction:
    """Lay `metadata` over the transaction's own; a key given None is taken out. Its entries never change.

    Refuses with `NotFound`, with `VersionConflict` if its version is not the one expected, and with
    `ValidationFailed` for metadata beyond the bounds.
    """

    permission: ClassVar = Permission.TRANSACTIONS_CHANGE
    size: ClassVar = 0
    id: str
    expected_version: int | None
    metadata: Mapping[str, str | None]

    def scope(self) -> Scope:
        """Return the transaction."""
        return Scope(transactions=(self.id,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the change, or refuse."""
        transaction = book.transaction(self.id)
        require_version(f"The transaction {self.id}", transaction.version, self.expected_version)
        metadata = merged_metadata(transaction.metadata, self.metadata)
        if metadata == transaction.metadata:
            return []
        return [TransactionChanged(self.id, metadata, {"metadata": dict(transaction.metadata)})]

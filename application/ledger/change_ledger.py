"""Change what a ledger says of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.book import Book
from domain.ledger.events import Event, LedgerChanged
from domain.ledger.ledger import NAME_LENGTH_MAX
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.text import checked_name, merged_metadata


@dataclass(frozen=True, slots=True)
class ChangeLedger:
    """Rename the ledger (None keeps the name), and lay `metadata` over its own; a key given None is taken out.

    Refuses with `VersionConflict` if its version is not the one expected, and with `ValidationFailed`.
    """

    permission: ClassVar = Permission.LEDGERS_CHANGE
    size: ClassVar = 0
    expected_version: int | None
    name: str | None = None
    metadata: Mapping[str, str | None] = field(default_factory=dict)

    def scope(self) -> Scope:
        """Return nothing: every book knows its ledger's settings."""
        return Scope()

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the change, or refuse."""
        settings = book.settings
        require_version("The ledger", settings.version, self.expected_version)
        name = settings.name
        if self.name is not None:
            name = checked_name(self.name, what="The name", length_max=NAME_LENGTH_MAX, pointer="/name")
        metadata = merged_metadata(settings.metadata, self.metadata)
        if (name, metadata) == (settings.name, settings.metadata):
            return []
        before = {"metadata": dict(settings.metadata), "name": settings.name}
        return [LedgerChanged(name, metadata, before)]

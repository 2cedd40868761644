"""A ledger as its log: each event as it was hashed, with its hashes."""

from collections.abc import Sequence

from application.interchange.export_ledger import LedgerFormat
from application.ledger.event_lines import event_line
from application.ledger.readers import StoredEvent


class LogFile(LedgerFormat):
    """Writes the log as lines of JSON, which anyone can verify; all that the ledger is follows from it."""

    def events(self, events: Sequence[StoredEvent]) -> bytes:
        """Return the lines of these events."""
        return b"".join([event_line(event) + b"\n" for event in events])

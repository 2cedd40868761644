"""A ledger as CSV: a line for each entry."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from application.interchange.csv_lines import safe_cell
from application.interchange.event_documents import Document, as_json, documents
from application.interchange.export_ledger import LedgerFormat
from application.ledger.readers import StoredEvent
from domain.ledger.events import TransactionPosted

COLUMNS: Final = (
    *("effective_at", "recorded_at", "sequence", "transaction", "kind", "reference", "description"),
    *("account", "asset", "debit", "credit", "hold", "reverses", "metadata"),
)


class EntriesCsv(LedgerFormat):
    """Writes entries, each with what its transaction says; nothing else of the ledger has a place there."""

    def __init__(self) -> None:
        self._rows_before: Sequence[Sequence[str]] = [COLUMNS]

    def events(self, events: Sequence[StoredEvent]) -> bytes:
        """Return the lines of their entries, below the line that names the columns."""
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        writer.writerows(self._rows_before)
        writer.writerows(_rows(documents(events)))
        self._rows_before = ()
        return buffer.getvalue().encode()


def _rows(documents: Iterator[Document]) -> Iterator[Sequence[str]]:
    for document in documents:
        if document["type"] != TransactionPosted.type:
            continue
        data = document["data"]
        # What users write is made safe; times, ids, kinds, amounts, codes of assets and JSON begin with nothing that
        # spreadsheets calculate.
        before = (
            *(data["effective_at"], document["recorded_at"], str(document["sequence"]), data["id"], data["kind"]),
            *(safe_cell(data["reference"] or ""), safe_cell(data["description"])),
        )
        metadata = as_json(data["metadata"]) if data["metadata"] else ""
        behind = (data.get("hold", ""), data.get("reverses", ""), metadata)
        for each in data["entries"]:
            sides = (each["amount"], "") if each["direction"] == "debit" else ("", each["amount"])
            yield (*before, safe_cell(each["account"]), each["asset"], *sides, *behind)

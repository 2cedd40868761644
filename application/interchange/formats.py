"""The formats that ledgers are exported in, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from application.interchange.beancount_file import BeancountFile
from application.interchange.csv_lines import CSV_MEDIA_TYPE
from application.interchange.entries_csv import EntriesCsv
from application.interchange.export_ledger import LedgerFormat
from application.interchange.hledger_journal import HledgerJournal
from application.interchange.log_file import LogFile
from domain.shared.errors import ValidationFailed
from domain.shared.stable import stable


class ExportFormat(Enum):
    """What a ledger can be exported as."""

    NDJSON = "ndjson"
    HLEDGER = "hledger"
    BEANCOUNT = "beancount"
    CSV = "csv"


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class FileType:
    """How files of a format are called and sent, and how one is begun."""

    suffix: str
    media_type: str
    begin: Callable[[], LedgerFormat]


FORMATS: Final[Mapping[ExportFormat, FileType]] = {
    ExportFormat.NDJSON: FileType("ndjson", "application/x-ndjson", LogFile),
    ExportFormat.HLEDGER: FileType("journal", "text/plain; charset=utf-8", HledgerJournal),
    ExportFormat.BEANCOUNT: FileType("beancount", "text/plain; charset=utf-8", BeancountFile),
    ExportFormat.CSV: FileType("csv", CSV_MEDIA_TYPE, EntriesCsv),
}


def file_type_of(name: str, others: Mapping[str, FileType]) -> FileType:
    """Return the format of a name: one of those above, or of the others. Raises `ValidationFailed`."""
    known = {**{each.value: file_type for each, file_type in FORMATS.items()}, **others}
    if name not in known:
        raise ValidationFailed(f"There is no format {name!a}; there are: {', '.join(known)}.")
    return known[name]

"""Files of other programs: which formats there are."""

from typing import Final

from dependency_injector import providers

from adapters.foreign_files.journal_file import hledger_file, ledger_file
from application.interchange.foreign_formats import ForeignFormat, ForeignFormats
from entrypoints.container.watching import WatchedParts

FORMATS: Final = (
    ForeignFormat("hledger", "A journal of hledger", ("text/x-hledger",), hledger_file),
    ForeignFormat("ledger", "A journal of ledger", ("text/x-ledger",), ledger_file),
)


class ForeignFileParts(WatchedParts):
    """The formats that can be imported."""

    foreign_formats = providers.Singleton(ForeignFormats, providers.Object(FORMATS))

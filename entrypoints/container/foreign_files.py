"""Files of other programs: which formats there are."""

from typing import Final

from dependency_injector import providers

from adapters.foreign_files.beancount_file import beancount_file
from adapters.foreign_files.journal_file import hledger_file, ledger_file
from application.interchange.foreign_formats import ForeignFormat, ForeignFormats
from application.interchange.importing import Importing
from entrypoints.container.watching import WatchedParts
from entrypoints.schemas.json_text import parse_line

FORMATS: Final = (
    ForeignFormat("hledger", "A journal of hledger", ("text/x-hledger",), hledger_file),
    ForeignFormat("ledger", "A journal of ledger", ("text/x-ledger",), ledger_file),
    ForeignFormat("beancount", "A file of beancount", ("text/x-beancount",), beancount_file),
)


class ForeignFileParts(WatchedParts):
    """The formats that can be imported."""

    importing = providers.Singleton(
        Importing,
        providers.Singleton(ForeignFormats, providers.Object(FORMATS)),
        WatchedParts.books,
        WatchedParts.journal,
        WatchedParts.clock,
        WatchedParts.ids,
        providers.Object(parse_line),
    )

"""Files of other programs: which formats there are."""

from typing import Final

from dependency_injector import providers

from adapters.foreign_files.beancount_file import beancount_file
from adapters.foreign_files.journal_file import hledger_file, ledger_file
from adapters.foreign_files.statement_formats import camt053_file, csv_file, mt940_file, ofx_file
from application.interchange.foreign_formats import ForeignFormat, ForeignFormats
from application.interchange.importing import Importing
from entrypoints.container.watching import WatchedParts
from entrypoints.schemas.json_text import parse_line

FORMATS: Final = (
    ForeignFormat("hledger", "A journal of hledger", ("text/x-hledger",), hledger_file),
    ForeignFormat("ledger", "A journal of ledger", ("text/x-ledger",), ledger_file),
    ForeignFormat("beancount", "A file of beancount", ("text/x-beancount",), beancount_file),
    ForeignFormat("csv", "A bank statement as a table", ("text/csv",), csv_file),
    ForeignFormat("ofx", "A bank statement in OFX or QFX", ("application/x-ofx", "application/vnd.intu.qfx"), ofx_file),
    ForeignFormat("camt053", "A bank statement in CAMT.053", ("application/xml", "text/xml"), camt053_file),
    ForeignFormat("mt940", "A bank statement in MT940", ("application/x-mt940", "text/x-mt940"), mt940_file),
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

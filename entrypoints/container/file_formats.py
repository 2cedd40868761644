"""The formats of other programs' files that can be imported."""

from typing import Final

from adapters.foreign_files.beancount_file import beancount_file
from adapters.foreign_files.journal_file import hledger_file, ledger_file
from adapters.foreign_files.statement_formats import camt053_file, csv_file, mt940_file, ofx_file
from application.interchange.foreign_formats import ForeignFormat

FORMATS: Final = (
    ForeignFormat("hledger", "A journal of hledger", ("text/x-hledger",), hledger_file),
    ForeignFormat("ledger", "A journal of ledger", ("text/x-ledger",), ledger_file),
    ForeignFormat("beancount", "A file of beancount", ("text/x-beancount",), beancount_file),
    ForeignFormat("csv", "A bank statement as a table", ("text/csv",), csv_file),
    ForeignFormat("ofx", "A bank statement in OFX or QFX", ("application/x-ofx", "application/vnd.intu.qfx"), ofx_file),
    ForeignFormat("camt053", "A bank statement in CAMT.053", ("application/xml", "text/xml"), camt053_file),
    ForeignFormat("mt940", "A bank statement in MT940", ("application/x-mt940", "text/x-mt940"), mt940_file),
)

"""Bank statements as foreign files: each format with the profile that the options say."""

from collections.abc import Mapping
from typing import Any

from adapters.foreign_files.camt053 import Camt053Statements
from adapters.foreign_files.csv_statements import CsvStatements
from adapters.foreign_files.mt940 import Mt940Statements
from adapters.foreign_files.occurrences import Occurrences
from adapters.foreign_files.ofx import OfxStatements
from application.interchange.found import ForeignFile
from application.interchange.statement_options import statement_profile
from application.interchange.statement_transactions import StatementTransactions
from application.interchange.statements import StatementFile


def camt053_file(options: Mapping[str, Any], time_zone: str) -> ForeignFile:
    """Return a reader of CAMT.053. Raises `ValidationFailed` as `statement_profile` does."""
    return _file(Camt053Statements(), options, time_zone)


def csv_file(options: Mapping[str, Any], time_zone: str) -> ForeignFile:
    """Return a reader of tables. Raises `ValidationFailed` as `statement_profile` does."""
    profile = statement_profile(options, is_table=True)
    return StatementTransactions(CsvStatements(profile.csv), profile, time_zone, Occurrences)


def mt940_file(options: Mapping[str, Any], time_zone: str) -> ForeignFile:
    """Return a reader of MT940. Raises `ValidationFailed` as `statement_profile` does."""
    return _file(Mt940Statements(), options, time_zone)


def ofx_file(options: Mapping[str, Any], time_zone: str) -> ForeignFile:
    """Return a reader of OFX. Raises `ValidationFailed` as `statement_profile` does."""
    return _file(OfxStatements(), options, time_zone)


def _file(statements: StatementFile, options: Mapping[str, Any], time_zone: str) -> ForeignFile:
    return StatementTransactions(statements, statement_profile(options, is_table=False), time_zone, Occurrences)

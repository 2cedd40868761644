"""`partita report …` and `partita account statement`: tables for people, or CSV."""

import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Column
from rich.table import Table as Shown
from rich.text import Text

from application.interchange.csv_lines import csv_lines
from application.interchange.report_rows import (
    balance_sheet_rows,
    income_statement_rows,
    statement_rows,
    trial_balance_rows,
)
from application.interchange.report_tables import (
    Table,
    balance_sheet_tables,
    income_statement_tables,
    interval_text,
    statement_tables,
    trial_balance_tables,
)
from application.ledger.readers import AsOf, LedgerReads
from application.ledger.reports import Interval, balance_sheet, income_statement, trial_balance
from application.ledger.statement import account_statement
from domain.shared.access import Permission
from entrypoints.cli.session import LedgerOption, OrganisationOption, acting, with_database
from entrypoints.schemas.moments import end_of, read_moment, start_of

if TYPE_CHECKING:
    from entrypoints.container import Container

reports = typer.Typer(
    name="report", help="Reports: trial-balance, balance-sheet, income-statement.", no_args_is_help=True
)
accounts = typer.Typer(name="account", help="Accounts: statement.", no_args_is_help=True)

# So many fit in a terminal, with what they are compared with.
_ASSETS_ACROSS: Final = 2

Moment = datetime | date


def _moment(text: str) -> Moment:
    moment = read_moment("The time", text)
    assert moment is not None
    return moment


def _at(help_text: str) -> typer.models.OptionInfo:
    return typer.Option(parser=_moment, metavar="TIME", help=help_text)

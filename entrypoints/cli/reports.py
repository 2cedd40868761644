"""`partita report …` and `partita account statement`: tables for people, or CSV."""

import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer

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
    report_facts,
    statement_facts,
    statement_tables,
    trial_balance_tables,
)
from application.ledger.readers import LedgerReads
from application.ledger.reports import Interval, balance_sheet, income_statement, trial_balance
from application.ledger.spans import AsOf
from application.ledger.statement import account_statement
from domain.shared.access import Permission
from domain.shared.errors import ValidationFailed
from entrypoints.cli.failures import WrongUsage
from entrypoints.cli.session import LedgerOption, OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from rich.text import Text

    from entrypoints.container import Container

app = typer.Typer(name="report", help="Reports: trial-balance, balance-sheet, income-statement.", no_args_is_help=True)

# So many stand side by side in a terminal, with what they are compared with.
_ASSETS_ACROSS: Final = 2
_WIDTH_OF_FILES: Final = 160

AtOption = Annotated[
    str | None, typer.Option("--at", help="Only what was effective by the end of this day, or by this time.")
]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Only what is effective from the beginning of this day on, or this time.")
]
ToOption = Annotated[
    str | None, typer.Option("--to", help="Only what is effective before the beginning of this day, or this time.")
]
DepthOption = Annotated[
    int | None,
    typer.Option("--depth", min=1, max=128, help="Add up accounts whose paths begin with so many same segments."),
]
SequenceOption = Annotated[
    int | None, typer.Option("--as-of-sequence", min=1, help="As it was after this event.", show_default="the last one")
]
CsvOption = Annotated[bool, typer.Option("--csv", help="Write CSV.")]


@dataclass(frozen=True, slots=True)
class _Report:
    """A report, ready to be shown in either way."""

    title: str
    facts: Sequence[tuple[str, str]]
    rows: Iterable[Sequence[str]]
    tables: Iterable[Table]


@app.command("trial-balance")
def show_trial_balance(
    ledger: LedgerOption = "main",
    at: AtOption = None,
    depth: DepthOption = None,
    as_of_sequence: SequenceOption = None,
    csv: CsvOption = False,
    organisation: OrganisationOption = None,
) -> None:
    """Show every account's debits, credits and balance; balances are debit-positive."""

    async def read(reads: LedgerReads, zone: ZoneInfo) -> _Report:
        before = _end("--at", at, zone)
        report = await trial_balance(reads.reports, ledger, as_of=AsOf(before, as_of_sequence), depth=depth)
        facts = report_facts(ledger, report.sequence, zone, Interval(None, before))
        return _Report("Trial balance", facts, trial_balance_rows(report), trial_balance_tables(report))

    _show(read, Permission.REPORTS_READ, ledger, organisation, as_csv=csv)


@app.command("balance-sheet")
def show_balance_sheet(
    ledger: LedgerOption = "main",
    at: AtOption = None,
    compare_at: Annotated[str | None, typer.Option("--compare-at", help="As --at, to compare with.")] = None,
    depth: DepthOption = None,
    as_of_sequence: SequenceOption = None,
    csv: CsvOption = False,
    organisation: OrganisationOption = None,
) -> None:
    """Show assets, liabilities and equity; equity includes income less expenses that are not closed yet."""

    async def read(reads: LedgerReads, zone: ZoneInfo) -> _Report:
        before, compared = _end("--at", at, zone), _end("--compare-at", compare_at, zone)
        as_of = AsOf(before, as_of_sequence)
        report = await balance_sheet(reads.reports, ledger, as_of=as_of, compare_before=compared, depth=depth)
        compare = None if compared is None else Interval(None, compared)
        facts = report_facts(ledger, report.sequence, zone, Interval(None, before), compare)
        tables = balance_sheet_tables(report, assets_across=_ASSETS_ACROSS)
        return _Report("Balance sheet", facts, balance_sheet_rows(report), tables)

    _show(read, Permission.REPORTS_READ, ledger, organisation, as_csv=csv)


@app.command("income-statement")
def show_income_statement(
    ledger: LedgerOption = "main",
    start: FromOption = None,
    end: ToOption = None,
    compare_from: Annotated[str | None, typer.Option("--compare-from", help="As --from, to compare with.")] = None,
    compare_to: Annotated[str | None, typer.Option("--compare-to", help="As --to, to compare with.")] = None,
    depth: DepthOption = None,
    as_of_sequence: SequenceOption = None,
    csv: CsvOption = False,
    organisation: OrganisationOption = None,
) -> None:
    """Show the income and the expenses of a span, without closing transactions."""

    async def read(reads: LedgerReads, zone: ZoneInfo) -> _Report:
        interval = _interval(("--from", start), ("--to", end), zone)
        is_compared = compare_from is not None or compare_to is not None
        others = ("--compare-from", compare_from), ("--compare-to", compare_to)
        compare = _interval(*others, zone) if is_compared else None
        report = await income_statement(
            reads.reports, ledger, interval=interval, compare=compare, sequence=as_of_sequence, depth=depth
        )
        facts = report_facts(ledger, report.sequence, zone, interval, compare)
        tables = income_statement_tables(report, assets_across=_ASSETS_ACROSS)
        return _Report("Income statement", facts, income_statement_rows(report), tables)

    _show(read, Permission.REPORTS_READ, ledger, organisation, as_csv=csv)


def show_statement(
    path: Annotated[str, typer.Argument(help="The account: assets:bank.")],
    ledger: LedgerOption = "main",
    start: FromOption = None,
    end: ToOption = None,
    asset: Annotated[str | None, typer.Option("--asset", help="Only this asset.")] = None,
    as_of_sequence: SequenceOption = None,
    csv: CsvOption = False,
    organisation: OrganisationOption = None,
) -> None:
    """Show an account's opening balance, its entries by effective time with their balances, and its closing balance."""

    async def read(reads: LedgerReads, zone: ZoneInfo) -> _Report:
        interval = _interval(("--from", start), ("--to", end), zone)
        found = await account_statement(reads, ledger, path, interval=interval, asset=asset, sequence=as_of_sequence)
        facts = statement_facts(ledger, found, zone)
        return _Report(f"Statement of {path}", facts, statement_rows(found), statement_tables(found, zone))

    _show(read, Permission.ACCOUNTS_READ, ledger, organisation, as_csv=csv)


def _end(option: str, text: str | None, zone: ZoneInfo) -> datetime | None:
    from entrypoints.schemas.moments import end_of, read_moment

    try:
        moment = read_moment(option, text)
        return None if moment is None else end_of(moment, zone)
    except ValidationFailed as error:
        raise WrongUsage(error.detail) from error


def _interval(start: tuple[str, str | None], end: tuple[str, str | None], zone: ZoneInfo) -> Interval:
    from entrypoints.schemas.moments import AskedInterval, read_moment

    try:
        return AskedInterval((start[0], end[0]), read_moment(*start), read_moment(*end)).interval(zone)
    except ValidationFailed as error:
        raise WrongUsage(error.detail) from error


def _show(
    read: Callable[[LedgerReads, ZoneInfo], Awaitable[_Report]],
    permission: Permission,
    slug: str,
    organisation: int | None,
    *,
    as_csv: bool,
) -> None:
    async def run(container: "Container") -> _Report:
        principal = await acting(container, organisation)
        async with container.ledger_work().read(principal, permission, ledger=slug) as reads:
            zone = ZoneInfo((await reads.ledgers.ledger(slug)).settings.time_zone)
            return await read(reads, zone)

    report = with_database(run)
    if as_csv:
        sys.stdout.writelines(csv_lines(report.rows))
    else:
        _print(report)


def _plain(text: str) -> "Text":
    """Return text that neither marks up what is shown nor moves the cursor of a terminal."""
    from rich.text import Text

    return Text("".join(character if character.isprintable() else "\ufffd" for character in text))


def _print(report: _Report) -> None:
    from rich.console import Console
    from rich.table import Column
    from rich.table import Table as Printed

    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_FILES, highlight=False)
    console.print(_plain(report.title), style="bold")
    for name, fact in report.facts:
        console.print(_plain(f"{name}: {fact}"))
    for table in report.tables:
        columns = [Column(head, overflow="fold") for head in table.texts]
        columns += [Column(_plain(head), justify="right", no_wrap=True) for head in table.amounts]
        printed = Printed(*columns, title=_plain(table.caption), title_justify="left", show_edge=False)
        for row in table.rows:
            printed.add_row(*map(_plain, row))
        printed.add_section()
        for row in table.totals:
            printed.add_row(*map(_plain, row), style="bold")
        console.print()
        console.print(printed)

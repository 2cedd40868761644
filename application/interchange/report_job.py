"""A report as a job: made in the background, and kept to be fetched."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from application.interchange.csv_lines import CSV_MEDIA_TYPE, csv_lines
from application.interchange.report_rows import Row, balance_sheet_rows, income_statement_rows, trial_balance_rows
from application.jobs.desk import Desk
from application.jobs.ports import PART_BYTES
from application.ledger.readers import LedgerChanges, LedgerReads
from application.ledger.report_reader import TrialBalance
from application.ledger.reports import (
    BalanceSheet,
    IncomeStatement,
    Interval,
    balance_sheet,
    income_statement,
    trial_balance,
)
from application.ledger.spans import AsOf
from application.shared.ports import Work
from application.shared.turns import in_turns
from domain.jobs.job import ResultTooLong
from domain.shared.access import Permission
from domain.shared.chain import format_time, parse_time

RESULT_BYTES_MAX: Final = 64 * 1024 * 1024

Report = TrialBalance | BalanceSheet | IncomeStatement
AsJson = Callable[[str, Report], Awaitable[bytes]]
"""Writes a report of the ledger of that slug as JSON."""


class ReportName(Enum):
    """Which report."""

    TRIAL_BALANCE = "trial-balance"
    BALANCE_SHEET = "balance-sheet"
    INCOME_STATEMENT = "income-statement"


class ReportFormat(Enum):
    """How it is written."""

    JSON = "json"
    CSV = "csv"

    @property
    def media_type(self) -> str:
        """Return its media type."""
        return "application/json" if self is ReportFormat.JSON else CSV_MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A report, as of a sequence, so that it comes to the same whenever it is made.

    `interval` is what it is of, of which a balance sheet has only the end; `compare` what stands beside it.
    """

    report: ReportName
    format: ReportFormat
    sequence: int
    interval: Interval
    compare: Interval | None = None
    depth: int | None = None

    def data(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "report": self.report.value,
            "format": self.format.value,
            "sequence": self.sequence,
            "interval": _interval_data(self.interval),
            "compare": None if self.compare is None else _interval_data(self.compare),
            "depth": self.depth,
        }

    @staticmethod
    def of(data: Mapping[str, Any]) -> "ReportRequest":
        """Return what `data()` said."""
        return ReportRequest(
            ReportName(data["report"]),
            ReportFormat(data["format"]),
            data["sequence"],
            _interval_of(data["interval"]),
            None if data["compare"] is None else _interval_of(data["compare"]),
            data["depth"],
        )


@dataclass(frozen=True, slots=True)
class ReportJob:
    """Makes a report, and keeps it whole."""

    work: Work[LedgerReads, LedgerChanges]
    as_json: AsJson

    async def run(self, desk: Desk) -> str:
        """Make the report. Raises as `JobWork` says, and `ResultTooLong`."""
        slug, asked = desk.job.ledger, ReportRequest.of(desk.job.arguments)
        principal = await desk.principal()
        async with self.work.read(principal, Permission.REPORTS_READ, ledger=slug) as reads:
            report, rows = await _made(reads, slug, asked)
        if asked.format is ReportFormat.JSON:
            content = await self.as_json(slug, report)
        else:
            content = "".join([line async for line in in_turns(csv_lines(rows))]).encode()
        if len(content) > RESULT_BYTES_MAX:
            raise ResultTooLong(f"The report has {len(content):,} bytes, and {RESULT_BYTES_MAX:,} are kept.")
        # All parts but the last leave it undone, and a second attempt begins with the first of them.
        parts = [content[begin : begin + PART_BYTES] for begin in range(0, len(content), PART_BYTES)]
        for number, part in enumerate(parts):
            await desk.advance(number, part, done=int(number == len(parts) - 1))
        return asked.format.media_type


async def _made(reads: LedgerReads, slug: str, asked: ReportRequest) -> tuple[Report, Iterator[Row]]:
    """Return the report, and its rows, which are made as they are taken."""
    as_of, depth = AsOf(asked.interval.before, asked.sequence), asked.depth
    match asked.report:
        case ReportName.TRIAL_BALANCE:
            trial = await trial_balance(reads.reports, slug, as_of=as_of, depth=depth)
            return trial, trial_balance_rows(trial)
        case ReportName.BALANCE_SHEET:
            before = None if asked.compare is None else asked.compare.before
            sheet = await balance_sheet(reads.reports, slug, as_of=as_of, compare_before=before, depth=depth)
            return sheet, balance_sheet_rows(sheet)
        case ReportName.INCOME_STATEMENT:
            income = await income_statement(
                reads.reports,
                slug,
                interval=asked.interval,
                compare=asked.compare,
                sequence=asked.sequence,
                depth=depth,
            )
            return income, income_statement_rows(income)


def _interval_data(interval: Interval) -> list[str | None]:
    return [None if end is None else format_time(end) for end in (interval.since, interval.before)]


def _interval_of(data: list[str | None]) -> Interval:
    since, before = (_time(end) for end in data)
    return Interval(since, before)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)

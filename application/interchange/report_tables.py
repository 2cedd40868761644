"""Reports and statements as tables for people, on paper or in a terminal.

A table stands in columns for a few assets, side by side; where there are more, the report goes on below with the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from typing import Final

from application.ledger.report_reader import TrialBalance
from application.ledger.reports import BalanceSheet, Figures, IncomeStatement, Interval, ReportLine, Section
from application.ledger.statement import AssetStatement, Statement, StatementLine
from domain.ledger.asset import Asset, format_amount
from domain.ledger.transaction import Direction

NOT_CLOSED: Final = "Result not closed yet"
Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under heads: those of `texts` are words, those of `amounts` are amounts.

    Rows are gone through once, and the totals after them.
    """

    caption: str
    texts: Sequence[str]
    amounts: Sequence[str]
    rows: Iterable[Row]
    totals: Iterable[Row] = ()


def report_facts(
    slug: str, sequence: int, zone: tzinfo, interval: Interval, compare: Interval | None = None
) -> list[tuple[str, str]]:
    """Return what stands above a report's tables: names, and what they are."""
    facts = [("Ledger", slug), ("Effective", interval_text(interval, zone))]
    if compare is not None:
        facts.append(("Compared with", interval_text(compare, zone)))
    return [*facts, ("As of sequence", str(sequence)), ("Time zone", str(zone))]


def statement_facts(slug: str, statement: Statement, zone: tzinfo) -> list[tuple[str, str]]:
    """Return what stands above a statement's tables, as `report_facts` does."""
    account = [("Account", statement.account.path), ("Type", statement.account.type.value)]
    first, *others = report_facts(slug, statement.sequence, zone, statement.interval)
    return [first, *account, *others]


def interval_text(interval: Interval, zone: tzinfo) -> str:
    """Return a span in words, in times of that zone."""
    since = None if interval.since is None else f"from {_moment_text(interval.since, zone)}"
    before = None if interval.before is None else f"before {_moment_text(interval.before, zone)}"
    return ", ".join(part for part in (since, before) if part) or "at any time"


def _moment_text(moment: datetime, zone: tzinfo) -> str:
    local = _local(moment, zone)
    if local.time() == time():
        return local.date().isoformat()
    return local.isoformat(" ", "microseconds" if local.microsecond else "seconds")


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError:  # at either end of the calendar there are times that a zone has no name for
        return moment.replace(tzinfo=None)


def trial_balance_tables(report: TrialBalance) -> Iterator[Table]:
    """Yield one table, in which balances are debit-positive."""
    sums: dict[Asset, tuple[int, int]] = {}

    def rows() -> Iterator[Row]:
        for line in report.lines:
            debits, credits = line.balance.posted_debits, line.balance.posted_credits
            before = sums.get(line.asset, (0, 0))
            sums[line.asset] = (before[0] + debits, before[1] + credits)
            yield (line.path, line.type.value, line.asset.code, *_sides(line.asset, debits, credits))

    def totals() -> Iterator[Row]:
        for asset, both in sorted(sums.items(), key=lambda item: item[0].code):
            yield ("Total", "", asset.code, *_sides(asset, *both))

    yield Table("Trial balance", ("Account", "Type", "Asset"), ("Debits", "Credits", "Balance"), rows(), totals())


def _sides(asset: Asset, debits: int, credits: int) -> Row:
    return [format_amount(minor, asset.scale) for minor in (debits, credits, debits - credits)]


def balance_sheet_tables(report: BalanceSheet, *, assets_across: int) -> Iterator[Table]:
    """Yield the three sections, for so many assets at a time."""
    sections = {"Assets": report.assets, "Liabilities": report.liabilities, "Equity": report.equity}
    compares = report.compare_before is not None
    for assets in _chunks([each.totals for each in sections.values()], assets_across):
        for caption, section in sections.items():
            yield _section_table(caption, section, assets, compares=compares)


def income_statement_tables(report: IncomeStatement, *, assets_across: int) -> Iterator[Table]:
    """Yield both sections and what is left, for so many assets at a time."""
    compares = report.compare is not None
    for assets in _chunks([report.income.totals, report.expenses.totals], assets_across):
        yield _section_table("Income", report.income, assets, compares=compares)
        yield _section_table("Expenses", report.expenses, assets, compares=compares)
        net = Section([], report.net)
        yield _section_table("Net", net, assets, compares=compares, total="Income less expenses")


def _chunks(totals: Iterable[Figures], size: int) -> Iterator[Sequence[Asset]]:
    assets = sorted({asset for each in totals for asset in each}, key=lambda asset: asset.code)
    # A report without a figure still shows its sections.
    for start in range(0, max(1, len(assets)), size):
        yield assets[start : start + size]


def _section_table(
    caption: str, section: Section, assets: Sequence[Asset], *, compares: bool, total: str = "Total"
) -> Table:
    heads = [
        head for asset in assets for head in ([asset.code, f"{asset.code} compared"] if compares else [asset.code])
    ]
    return Table(
        caption,
        ("Account",),
        heads,
        (
            (NOT_CLOSED if line.path is None else line.path, *_across(line.figures, assets, compares=compares))
            for line in section.lines
            if _has_any(line, assets)
        ),
        [(total, *_across(section.totals, assets, compares=compares))],
    )


def _has_any(line: ReportLine, assets: Sequence[Asset]) -> bool:
    return any(asset in line.figures for asset in assets)


def _across(figures: Figures, assets: Sequence[Asset], *, compares: bool) -> Iterator[str]:
    for asset in assets:
        figure = figures.get(asset)
        yield "" if figure is None else format_amount(figure.amount, asset.scale)
        if compares:
            yield "" if figure is None else format_amount(figure.compared or 0, asset.scale)


def statement_tables(statement: Statement, zone: tzinfo) -> Iterator[Table]:
    """Yield a table for each asset, with times of that zone."""
    for each in statement.assets:
        scale = each.asset.scale
        yield Table(
            each.asset.code,
            ("Time", "Sequence", "Reference", "Description"),
            ("Debit", "Credit", "Balance"),
            _statement_rows(each, zone),
            [
                (
                    *("Closing balance", "", "", ""),
                    *(format_amount(minor, scale) for minor in (each.debits, each.credits, each.closing)),
                )
            ],
        )


def _statement_rows(statement: AssetStatement, zone: tzinfo) -> Iterator[Row]:
    yield ("Opening balance", "", "", "", "", "", format_amount(statement.opening, statement.asset.scale))
    for line in statement.lines:
        yield _statement_row(line, zone)


def _statement_row(line: StatementLine, zone: tzinfo) -> Row:
    view = line.entry
    scale = view.line.entry.asset.scale
    amount = format_amount(view.line.entry.amount, scale)
    sides = (amount, "") if view.line.entry.direction is Direction.DEBIT else ("", amount)
    moment = _local(view.effective_at, zone).isoformat(" ", "seconds")
    return (
        *(moment, str(view.sequence), view.reference or "", view.description),
        *(*sides, format_amount(line.balance, scale)),
    )

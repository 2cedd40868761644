"""Reports and statements as rows of text for CSV: the first names the columns, and each of the others stands alone."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from application.ledger.report_reader import TrialBalance
from application.ledger.reports import BalanceSheet, Figures, IncomeStatement, Section
from application.ledger.statement import AssetStatement, Statement, StatementLine
from domain.ledger.asset import Asset, format_amount
from domain.ledger.transaction import Direction
from domain.shared.chain import format_time

Row = Sequence[str]


def trial_balance_rows(report: TrialBalance) -> Iterator[Row]:
    """Yield a row for each account and asset; balances are debit-positive."""
    yield ("account", "type", "asset", "debits", "credits", "balance")
    for line in report.lines:
        debits, credits, scale = line.balance.posted_debits, line.balance.posted_credits, line.asset.scale
        amounts = [format_amount(minor, scale) for minor in (debits, credits, debits - credits)]
        yield (line.path, line.type.value, line.asset.code, *amounts)


_OF_SECTIONS = ("section", "row", "account", "asset", "amount", "compared")


def balance_sheet_rows(report: BalanceSheet) -> Iterator[Row]:
    """Yield a row for each line and asset, and for each total; `not_closed` is income less expenses not yet closed."""
    yield _OF_SECTIONS
    yield from _section_rows("assets", report.assets)
    yield from _section_rows("liabilities", report.liabilities)
    yield from _section_rows("equity", report.equity)


def income_statement_rows(report: IncomeStatement) -> Iterator[Row]:
    """Yield a row for each line and asset, for each total, and for what is left of income after expenses."""
    yield _OF_SECTIONS
    yield from _section_rows("income", report.income)
    yield from _section_rows("expenses", report.expenses)
    yield from _figure_rows(("net", "total", ""), report.net)


def _section_rows(name: str, section: Section) -> Iterator[Row]:
    for line in section.lines:
        kind = "not_closed" if line.path is None else "account"
        yield from _figure_rows((name, kind, line.path or ""), line.figures)
    yield from _figure_rows((name, "total", ""), section.totals)


def _figure_rows(first: Row, figures: Figures) -> Iterator[Row]:
    for asset, figure in figures.items():
        compared = "" if figure.compared is None else format_amount(figure.compared, asset.scale)
        yield (*first, asset.code, format_amount(figure.amount, asset.scale), compared)


def statement_rows(statement: Statement) -> Iterator[Row]:
    """Yield for each asset its opening balance, its entries and its closing balance. Times are UTC."""
    yield (
        *("asset", "row", "effective_at", "sequence", "transaction", "reference", "description"),
        *("debit", "credit", "balance"),
    )
    since, before = statement.interval.since, statement.interval.before
    for each in statement.assets:
        yield _balance_row(each.asset, "opening", since, ("", ""), each.opening)
        for line in each.lines:
            yield _entry_row(each.asset, line)
        yield _balance_row(each.asset, "closing", before, _moved(each), each.closing)


def _moved(statement: AssetStatement) -> tuple[str, str]:
    scale = statement.asset.scale
    return format_amount(statement.debits, scale), format_amount(statement.credits, scale)


def _balance_row(asset: Asset, row: str, at: datetime | None, moved: tuple[str, str], balance: int) -> Row:
    moment = "" if at is None else format_time(at)
    return (asset.code, row, moment, "", "", "", "", *moved, format_amount(balance, asset.scale))


def _entry_row(asset: Asset, line: StatementLine) -> Row:
    view = line.entry
    amount = format_amount(view.line.entry.amount, asset.scale)
    sides = (amount, "") if view.line.entry.direction is Direction.DEBIT else ("", amount)
    return (
        *(asset.code, "entry", format_time(view.effective_at), str(view.sequence), view.transaction_id),
        *(view.reference or "", view.description, *sides, format_amount(line.balance, asset.scale)),
    )

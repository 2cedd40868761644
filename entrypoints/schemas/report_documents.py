"""Reports and statements as JSON. What may be long is an iterator: it is written item by item."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from application.ledger.report_reader import TrialBalance
from application.ledger.reports import BalanceSheet, Figures, IncomeStatement, Interval, Section
from application.ledger.statement import AssetStatement, Statement, StatementLine
from domain.ledger.asset import Asset, format_amount
from domain.shared.chain import format_time


class TrialBalanceLineDocument(TypedDict):
    """What one account has seen of one asset; `balance` is debit-positive, whatever the account's normal side."""

    account: str
    type: str
    asset: str
    debits: str
    credits: str
    balance: str


class TotalDocument(TypedDict):
    """All debits and all credits in one asset: they are equal."""

    asset: str
    debits: str
    credits: str


class TrialBalanceDocument(TypedDict):
    """Every account that anything was posted to, by path and asset, as of a sequence."""

    ledger: str
    sequence: int
    data: list[TrialBalanceLineDocument]
    totals: list[TotalDocument]


class FigureDocument(TypedDict):
    """An amount in one asset, and the one that it is compared with; null where nothing is compared."""

    asset: str
    amount: str
    compared: str | None


class ReportLineDocument(TypedDict):
    """What an account comes to, or all below a path, in each asset in which that is not nothing.

    In the equity of a balance sheet, the line without an account is income less expenses that are not closed yet.
    """

    account: str | None
    amounts: list[FigureDocument]


class SectionDocument(TypedDict):
    """Lines by path, with amounts on the section's normal side, and their totals."""

    lines: list[ReportLineDocument]
    totals: list[FigureDocument]


class BalanceSheetDocument(TypedDict):
    """Assets, and the liabilities and equity that they are equal to, of what is effective before `before`.

    `before` is null where all there is was asked for, and `compare_before` where nothing is compared.
    """

    ledger: str
    sequence: int
    before: str | None
    compare_before: str | None
    assets: SectionDocument
    liabilities: SectionDocument
    equity: SectionDocument


_From = TypedDict("_From", {"from": str | None})


class IncomeStatementDocument(_From):
    """Income and expenses effective from `from` on and before `to`; `net` is income less expenses. Null is open."""

    ledger: str
    sequence: int
    to: str | None
    compare_from: str | None
    compare_to: str | None
    income: SectionDocument
    expenses: SectionDocument
    net: list[FigureDocument]


class StatementEntryDocument(TypedDict):
    """An entry, and the balance that it left in the order of effective times, on the account's normal side."""

    sequence: int
    transaction: str
    direction: str
    amount: str
    balance: str
    reference: str | None
    description: str
    effective_at: str
    recorded_at: str


class AssetStatementDocument(TypedDict):
    """What the account did in one asset; `debits` and `credits` are the sums of the entries."""

    asset: str
    opening: str
    entries: list[StatementEntryDocument]
    debits: str
    credits: str
    closing: str


class StatementDocument(_From):
    """An account's statement of what is effective from `from` on and before `to`, by asset. Null is open."""

    ledger: str
    account: str
    type: str
    sequence: int
    to: str | None
    data: list[AssetStatementDocument]


def trial_balance_document(slug: str, report: TrialBalance) -> Mapping[str, Any]:
    """Return a trial balance as it is shown, a `TrialBalanceDocument`."""
    totals: dict[Asset, tuple[int, int]] = {}

    def lines() -> Iterator[TrialBalanceLineDocument]:
        for line in report.lines:
            scale, balance = line.asset.scale, line.balance
            debits, credits = totals.get(line.asset, (0, 0))
            totals[line.asset] = (debits + balance.posted_debits, credits + balance.posted_credits)
            yield {
                "account": line.path,
                "type": line.type.value,
                "asset": line.asset.code,
                "debits": format_amount(balance.posted_debits, scale),
                "credits": format_amount(balance.posted_credits, scale),
                "balance": format_amount(balance.posted_debits - balance.posted_credits, scale),
            }

    def sums() -> Iterator[TotalDocument]:
        for asset, (debits, credits) in sorted(totals.items(), key=lambda item: item[0].code):
            yield {
                "asset": asset.code,
                "debits": format_amount(debits, asset.scale),
                "credits": format_amount(credits, asset.scale),
            }

    # The sums are known when the lines have been gone through.
    return {"ledger": slug, "sequence": report.sequence, "data": lines(), "totals": sums()}


def balance_sheet_document(slug: str, report: BalanceSheet) -> Mapping[str, Any]:
    """Return a balance sheet as it is shown, a `BalanceSheetDocument`."""
    return {
        "ledger": slug,
        "sequence": report.sequence,
        "before": _time(report.before),
        "compare_before": _time(report.compare_before),
        "assets": _section(report.assets),
        "liabilities": _section(report.liabilities),
        "equity": _section(report.equity),
    }


def income_statement_document(slug: str, report: IncomeStatement) -> Mapping[str, Any]:
    """Return an income statement as it is shown, an `IncomeStatementDocument`."""
    compare = report.compare or Interval()
    return {
        "ledger": slug,
        "sequence": report.sequence,
        "from": _time(report.interval.since),
        "to": _time(report.interval.before),
        "compare_from": _time(compare.since),
        "compare_to": _time(compare.before),
        "income": _section(report.income),
        "expenses": _section(report.expenses),
        "net": _figures(report.net),
    }


def statement_document(slug: str, statement: Statement) -> Mapping[str, Any]:
    """Return an account statement as it is shown, a `StatementDocument`."""
    return {
        "ledger": slug,
        "account": statement.account.path,
        "type": statement.account.type.value,
        "sequence": statement.sequence,
        "from": _time(statement.interval.since),
        "to": _time(statement.interval.before),
        "data": (_of_asset(each) for each in statement.assets),
    }


def _of_asset(statement: AssetStatement) -> Mapping[str, Any]:
    scale = statement.asset.scale
    return {
        "asset": statement.asset.code,
        "opening": format_amount(statement.opening, scale),
        "entries": (_entry(line, scale) for line in statement.lines),
        "debits": format_amount(statement.debits, scale),
        "credits": format_amount(statement.credits, scale),
        "closing": format_amount(statement.closing, scale),
    }


def _entry(line: StatementLine, scale: int) -> StatementEntryDocument:
    view = line.entry
    return {
        "sequence": view.sequence,
        "transaction": view.transaction_id,
        "direction": view.line.entry.direction.value,
        "amount": format_amount(view.line.entry.amount, scale),
        "balance": format_amount(line.balance, scale),
        "reference": view.reference,
        "description": view.description,
        "effective_at": format_time(view.effective_at),
        "recorded_at": format_time(view.recorded_at),
    }


def _section(section: Section) -> Mapping[str, Any]:
    lines = ({"account": line.path, "amounts": _figures(line.figures)} for line in section.lines)
    return {"lines": lines, "totals": _figures(section.totals)}


def _figures(figures: Figures) -> list[FigureDocument]:
    return [
        {
            "asset": asset.code,
            "amount": format_amount(figure.amount, asset.scale),
            "compared": None if figure.compared is None else format_amount(figure.compared, asset.scale),
        }
        for asset, figure in figures.items()
    ]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)

"""Reports: trial balance, balance sheet and income statement, rolled up and side by side with an earlier one.

Each reads inside one view of a ledger, so that all its figures are as of the same sequence.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from application.ledger.report_reader import ReportReader, TrialBalance, TrialBalanceLine
from application.ledger.spans import AsOf
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance

# About a millisecond of work between two waits, in which others are served.
_LINES_PER_TURN: Final = 500


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of effective time (UTC), from `since` on and before `before`; None is open."""

    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount in minor units, and the one of the earlier time or span beside it; None where nothing is compared."""

    amount: int
    compared: int | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to show."""
        return not self.amount and not self.compared


Figures = Mapping[Asset, Figure]
"""What something comes to, by asset, in the order of their codes."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """What an account comes to, or all below a path; nothing that is zero. Without a path, the result not yet closed.

    Amounts are on the normal side of the section that the line stands in.
    """

    path: str | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class Section:
    """Lines in the order of their paths, and their totals in every asset that any of them has."""

    lines: Sequence[ReportLine]
    totals: Figures


@dataclass(frozen=True, slots=True)
class BalanceSheet:
    """What is owned, what is owed, and what is left, as of a sequence. Assets are liabilities plus equity.

    Times are UTC: what is effective before `before` is in it, and before `compare_before` what it is compared with;
    None is all there is, or that nothing is compared.
    """

    sequence: int
    before: datetime | None
    compare_before: datetime | None
    assets: Section
    liabilities: Section
    equity: Section


@dataclass(frozen=True, slots=True)
class IncomeStatement:
    """What came in and what it cost in a span of effective time, as of a sequence; `net` is income less expenses."""

    sequence: int
    interval: Interval
    compare: Interval | None
    income: Section
    expenses: Section
    net: Figures


def rolled_up(path: str, depth: int | None) -> str:
    """Return the first `depth` segments of a path; all of it, where it has no more or `depth` is None."""
    return path if depth is None else ":".join(path.split(":", depth)[:depth])


async def trial_balance(reports: ReportReader, slug: str, *, as_of: AsOf, depth: int | None = None) -> TrialBalance:
    """Return the trial balance, each line for all accounts of one type whose paths begin with the same segments.

    Raises `LedgerNotFound`.
    """
    report = await reports.trial_balance(slug, as_of=as_of)
    if depth is None:
        return report
    lines: dict[tuple[str, str, str], TrialBalanceLine] = {}
    for index, line in enumerate(report.lines, 1):
        path = rolled_up(line.path, depth)
        key = (path, line.type.value, line.asset.code)
        before = lines[key].balance if key in lines else Balance()
        lines[key] = TrialBalanceLine(path, line.type, line.asset, _sum(before, line.balance))
        await _give_way(index)
    return TrialBalance(report.sequence, [lines[key] for key in sorted(lines)])


async def balance_sheet(
    reports: ReportReader, slug: str, *, as_of: AsOf, compare_before: datetime | None = None, depth: int | None = None
) -> BalanceSheet:
    """Return the balance sheet; equity has a line for income less expenses, as far as these are not closed yet.

    Raises `LedgerNotFound`.
    """
    sums = _Sums(1 if compare_before is None else 2, depth)
    report = await reports.trial_balance(slug, as_of=as_of)
    await sums.add(report.lines, column=0)
    if compare_before is not None:
        earlier = await reports.trial_balance(slug, as_of=AsOf(compare_before, as_of.sequence))
        await sums.add(earlier.lines, column=1)
    assets, liabilities = await sums.section(AccountType.ASSET), await sums.section(AccountType.LIABILITY)
    equity = await sums.section(AccountType.EQUITY)
    income, expenses = await sums.section(AccountType.INCOME), await sums.section(AccountType.EXPENSE)
    net = _less(income.totals, expenses.totals)
    result = {asset: figure for asset, figure in net.items() if not figure.is_nothing}
    if result:
        equity = Section([*equity.lines, ReportLine(None, result)], _total(equity.totals, result))
    return BalanceSheet(report.sequence, as_of.before, compare_before, assets, liabilities, equity)


async def income_statement(
    reports: ReportReader,
    slug: str,
    *,
    interval: Interval,
    compare: Interval | None = None,
    sequence: int | None = None,
    depth: int | None = None,
) -> IncomeStatement:
    """Return the income statement of a span, as known after the event of that sequence.

    Closing transactions are left out: they move the result of a period into equity, and earn nothing.
    Raises `LedgerNotFound`.
    """
    sums = _Sums(1 if compare is None else 2, depth)
    known = 0
    for column, each in enumerate([interval] if compare is None else [interval, compare]):
        report = await reports.trial_balance(slug, as_of=AsOf(each.before, sequence))
        known = report.sequence
        await sums.add(report.lines, column=column)
        if each.since is not None:
            start = await reports.trial_balance(slug, as_of=AsOf(each.since, sequence))
            await sums.add(start.lines, column=column, sign=-1)
        closings = await reports.closings(slug, since=each.since, as_of=AsOf(each.before, sequence))
        await sums.add(closings, column=column, sign=-1)
    income, expenses = await sums.section(AccountType.INCOME), await sums.section(AccountType.EXPENSE)
    return IncomeStatement(known, interval, compare, income, expenses, _less(income.totals, expenses.totals))


class _Sums:
    """Adds up what accounts hold on their normal sides, by type, rolled-up path and asset, in one column or two."""

    def __init__(self, columns: int, depth: int | None) -> None:
        self._columns = columns
        self._depth = depth
        # By code, which is found much faster than an asset is.
        self._assets: dict[str, Asset] = {}
        self._of_types: dict[AccountType, dict[str, dict[str, list[int]]]] = {each: {} for each in AccountType}

    async def add(self, lines: Iterable[TrialBalanceLine], *, column: int, sign: int = 1) -> None:
        """Add the balances of these lines, or take them away."""
        for index, line in enumerate(lines, 1):
            code = line.asset.code
            self._assets.setdefault(code, line.asset)
            of_path = self._of_types[line.type].setdefault(rolled_up(line.path, self._depth), {})
            amounts = of_path.get(code)
            if amounts is None:
                amounts = of_path[code] = [0] * self._columns
            amounts[column] += sign * line.balance.posted(line.type)
            await _give_way(index)

    async def section(self, account_type: AccountType) -> Section:
        """Return the lines of one type that are not nothing, and their totals."""
        lines: list[ReportLine] = []
        totals: dict[str, list[int]] = {}
        for index, (path, of_assets) in enumerate(sorted(self._of_types[account_type].items()), 1):
            shown = {code: amounts for code, amounts in of_assets.items() if any(amounts)}
            if shown:
                lines.append(ReportLine(path, self._figures(shown)))
            for code, amounts in shown.items():
                total = totals.setdefault(code, [0] * self._columns)
                for column, amount in enumerate(amounts):
                    total[column] += amount
            await _give_way(index)
        return Section(lines, self._figures(totals))

    def _figures(self, amounts: Mapping[str, Sequence[int]]) -> Figures:
        return {self._assets[code]: Figure(*of_asset) for code, of_asset in sorted(amounts.items())}


def _sum(one: Balance, other: Balance) -> Balance:
    return Balance(
        one.posted_debits + other.posted_debits,
        one.posted_credits + other.posted_credits,
        one.version + other.version,
        max(one.sequence, other.sequence),
    )


def _less(figures: Figures, others: Figures) -> Figures:
    negated = {
        asset: Figure(-figure.amount, None if figure.compared is None else -figure.compared)
        for asset, figure in others.items()
    }
    return _total(figures, negated)


def _total(figures: Figures, others: Figures) -> Figures:
    totals = dict(figures)
    for asset, figure in others.items():
        before = totals.get(asset)
        totals[asset] = figure if before is None else _plus(before, figure)
    return dict(sorted(totals.items(), key=lambda item: item[0].code))


def _plus(one: Figure, other: Figure) -> Figure:
    compared = None if one.compared is None else one.compared + (other.compared or 0)
    return Figure(one.amount + other.amount, compared)


async def _give_way(index: int) -> None:
    if index % _LINES_PER_TURN == 0:
        await asyncio.sleep(0)

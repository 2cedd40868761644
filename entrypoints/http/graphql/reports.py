"""Reports of a ledger, as REST makes and keeps them."""

from typing import Annotated, Any, Final

import orjson
import strawberry

from domain.shared.errors import ValidationFailed
from entrypoints.http.dependencies import Caller
from entrypoints.http.graphql.asking import Info
from entrypoints.http.graphql.documents import LEDGER, shown
from entrypoints.http.graphql.objects import AsOfSequence, At, KnownAt
from entrypoints.http.time_travel import AT_DESCRIPTION, FROM_DESCRIPTION, TO_DESCRIPTION, point_of_view
from entrypoints.http.v1.as_of_head import kept_bytes
from entrypoints.http.v1.formats import Format
from entrypoints.http.v1.reports import (
    DEPTH_MAX,
    Report,
    asked_balance_sheet,
    asked_income_statement,
    asked_trial_balance,
)
from entrypoints.schemas.moments import AskedInterval, read_moment
from entrypoints.schemas.report_documents import (
    BalanceSheetDocument,
    IncomeStatementDocument,
    ReportLineDocument,
    TrialBalanceDocument,
    TrialBalanceLineDocument,
)

CompareAt = Annotated[str | None, strawberry.argument(description=f"To compare with. {AT_DESCRIPTION}")]
From = Annotated[str | None, strawberry.argument(name="from", description=FROM_DESCRIPTION)]
To = Annotated[str | None, strawberry.argument(name="to", description=TO_DESCRIPTION)]
CompareFrom = Annotated[str | None, strawberry.argument(description="As `from`, for the span to compare with.")]
CompareTo = Annotated[str | None, strawberry.argument(description="As `to`, for the span to compare with.")]
Depth = Annotated[
    int | None,
    strawberry.argument(description="Add up accounts whose paths begin with the same so many segments."),
]


@shown(TrialBalanceLineDocument, account="account_path")
class TrialBalanceLine:
    """What one account has seen of one asset; `balance` is debit-positive, whatever the account's normal side."""


@shown(ReportLineDocument, account="account_path")
class ReportLine:
    """What an account comes to, or all below a path, in each asset in which that is not nothing.

    In the equity of a balance sheet, the line without a path is income less expenses that are not closed yet.
    """


@shown(TrialBalanceDocument)
class TrialBalance:
    """Every account that anything was posted to, by path and asset, as of a sequence."""


@shown(BalanceSheetDocument)
class BalanceSheet:
    """Assets, and the liabilities and equity that they are equal to, of what is effective before `before`.

    `before` is null where all there is was asked for, and `compareBefore` where nothing is compared.
    """


@shown(IncomeStatementDocument)
class IncomeStatement:
    """Income and expenses effective from `from` on and before `to`; `net` is income less expenses. Null is open."""


async def _kept(who: Caller, report: Report) -> Any:
    return orjson.loads(await kept_bytes(who, Format.JSON, *report))


def _checked(depth: int | None) -> int | None:
    if depth is not None and not 1 <= depth <= DEPTH_MAX:
        raise ValidationFailed(f"depth is from 1 to {DEPTH_MAX}, not {depth}.")
    return depth


async def _trial_balance(
    root: Any,
    info: Info,
    at: At = None,
    known_at: KnownAt = None,
    as_of_sequence: AsOfSequence = None,
    depth: Depth = None,
) -> Any:
    view, who = point_of_view(at, known_at, as_of_sequence), info.context.who
    async with info.context.turn:
        return await _kept(who, await asked_trial_balance(who, root[LEDGER], view, _checked(depth)))


async def _balance_sheet(
    root: Any,
    info: Info,
    at: At = None,
    known_at: KnownAt = None,
    as_of_sequence: AsOfSequence = None,
    compare_at: CompareAt = None,
    depth: Depth = None,
) -> Any:
    view, who = point_of_view(at, known_at, as_of_sequence), info.context.who
    async with info.context.turn:
        return await _kept(who, await asked_balance_sheet(who, root[LEDGER], view, compare_at, _checked(depth)))


async def _income_statement(
    root: Any,
    info: Info,
    start: From = None,
    end: To = None,
    compare_from: CompareFrom = None,
    compare_to: CompareTo = None,
    known_at: KnownAt = None,
    as_of_sequence: AsOfSequence = None,
    depth: Depth = None,
) -> Any:
    asked = AskedInterval(("from", "to"), read_moment("from", start), read_moment("to", end))
    names = ("compareFrom", "compareTo")
    compared = AskedInterval(names, read_moment(names[0], compare_from), read_moment(names[1], compare_to))
    view, who = point_of_view(None, known_at, as_of_sequence), info.context.who
    async with info.context.turn:
        report = await asked_income_statement(who, root[LEDGER], asked, compared, view, _checked(depth))
        return await _kept(who, report)


trial_balance: Final[Any] = strawberry.field(
    resolver=_trial_balance,
    graphql_type=TrialBalance | None,
    description="Every account's totals and balance, now, as of a sequence, or at a time.",
)
balance_sheet: Final[Any] = strawberry.field(
    resolver=_balance_sheet,
    graphql_type=BalanceSheet | None,
    description="Assets, liabilities and equity, now or at a time, in all assets side by side.",
)
income_statement: Final[Any] = strawberry.field(
    resolver=_income_statement,
    graphql_type=IncomeStatement | None,
    description="Income and expenses of a span of effective time. Closing transactions are left out.",
)

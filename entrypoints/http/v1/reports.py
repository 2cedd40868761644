"""Reports: what a ledger says as a whole."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from application.interchange.report_rows import balance_sheet_rows, income_statement_rows, trial_balance_rows
from application.interchange.report_tables import (
    balance_sheet_tables,
    income_statement_tables,
    report_facts,
    trial_balance_tables,
)
from application.ledger.readers import LedgerReads
from application.ledger.reports import Interval, balance_sheet, income_statement, trial_balance
from application.ledger.spans import AsOf
from domain.shared.access import Permission
from entrypoints.http.dependencies import Caller, CallerDependency, StrictRoute
from entrypoints.http.openapi import MAY_BE_KNOWN, described_problems
from entrypoints.http.time_travel import (
    AT_DESCRIPTION,
    ComparedIntervalDependency,
    IntervalDependency,
    KnowledgeDependency,
    PointOfView,
    PointOfViewDependency,
    zone_for,
    zone_of,
)
from entrypoints.http.v1.as_of_head import Asked, Make, kept_report
from entrypoints.http.v1.formats import DESCRIBED_FORMATS, Shown, accepted_format
from entrypoints.http.v1.printed_page import Page
from entrypoints.schemas.moments import AskedInterval, end_of, read_moment
from entrypoints.schemas.report_documents import (
    BalanceSheetDocument,
    IncomeStatementDocument,
    TrialBalanceDocument,
    balance_sheet_document,
    income_statement_document,
    trial_balance_document,
)

router = APIRouter(route_class=StrictRoute, tags=["reports"])

# So many fit on the width of a sheet, with what they are compared with.
_ASSETS_ACROSS = 4
_RESPONSES = {**described_problems(401, 403, 404, 406, 422), **DESCRIBED_FORMATS, **MAY_BE_KNOWN}

# A path of 255 characters has no more segments.
DEPTH_MAX: Final = 128
Depth = Annotated[
    int | None,
    Query(ge=1, le=DEPTH_MAX, description="Add up accounts whose paths begin with the same so many segments."),
]

Report = tuple[Asked, Make]
"""A report that is asked for, and how it is made where it is not kept."""


@router.get(
    "/ledgers/{ledger}/reports/trial-balance",
    summary="Get the trial balance",
    response_model=TrialBalanceDocument,
    responses=_RESPONSES,
)
async def get_trial_balance(
    ledger: str, who: CallerDependency, request: Request, point_of_view: PointOfViewDependency, depth: Depth = None
) -> Response:
    """Return every account's totals and balance, now, as of a sequence, or at a time. All debits equal all credits.

    It can be had as JSON, as CSV, and as a page to print. With `depth`, accounts of one type are added up.
    """
    chosen = accepted_format(request)
    return await kept_report(request, who, chosen, *await asked_trial_balance(who, ledger, point_of_view, depth))


async def asked_trial_balance(who: Caller, ledger: str, point_of_view: PointOfView, depth: int | None) -> Report:
    """Return which trial balance is asked for. Raises `PermissionDenied`, `LedgerNotFound`."""
    async with who.read(Permission.REPORTS_READ, ledger) as reads:
        view = await point_of_view.as_of(reads, ledger)
        head = await reads.ledgers.head(ledger, up_to=view.sequence)
    as_of = AsOf(view.before, head.sequence)

    async def make(reads: LedgerReads) -> Shown:
        report = await trial_balance(reads.reports, ledger, as_of=as_of, depth=depth)
        facts = report_facts(ledger, report.sequence, await zone_of(reads, ledger), Interval(None, as_of.before))
        return Shown(
            trial_balance_document(ledger, report),
            trial_balance_rows(report),
            Page("Trial balance", facts, trial_balance_tables(report)),
        )

    return Asked(ledger, Permission.REPORTS_READ, head, ("trial balance", as_of, depth)), make


@router.get(
    "/ledgers/{ledger}/reports/balance-sheet",
    summary="Get the balance sheet",
    response_model=BalanceSheetDocument,
    responses=_RESPONSES,
)
async def get_balance_sheet(
    ledger: str,
    who: CallerDependency,
    request: Request,
    point_of_view: PointOfViewDependency,
    compare_at: Annotated[str | None, Query(description=f"To compare with. {AT_DESCRIPTION}")] = None,
    depth: Depth = None,
) -> Response:
    """Return assets, liabilities and equity, now or at a time, in all assets side by side.

    Equity includes income less expenses as far as these are not closed, so that both sides are equal.
    It can be had as JSON, as CSV, and as a page to print.
    """
    chosen = accepted_format(request)
    asked = await asked_balance_sheet(who, ledger, point_of_view, compare_at, depth)
    return await kept_report(request, who, chosen, *asked)


async def asked_balance_sheet(
    who: Caller, ledger: str, point_of_view: PointOfView, compare_at: str | None, depth: int | None
) -> Report:
    """Return which balance sheet is asked for. Raises `PermissionDenied`, `LedgerNotFound`, `ValidationFailed`."""
    compare = read_moment("compare_at", compare_at)
    async with who.read(Permission.REPORTS_READ, ledger) as reads:
        view = await point_of_view.as_of(reads, ledger)
        before = None if compare is None else end_of(compare, await zone_for(reads, ledger, compare))
        head = await reads.ledgers.head(ledger, up_to=view.sequence)
    as_of = AsOf(view.before, head.sequence)

    async def make(reads: LedgerReads) -> Shown:
        report = await balance_sheet(reads.reports, ledger, as_of=as_of, compare_before=before, depth=depth)
        compared = None if before is None else Interval(None, before)
        zone = await zone_of(reads, ledger)
        facts = report_facts(ledger, report.sequence, zone, Interval(None, as_of.before), compared)
        return Shown(
            balance_sheet_document(ledger, report),
            balance_sheet_rows(report),
            Page("Balance sheet", facts, balance_sheet_tables(report, assets_across=_ASSETS_ACROSS)),
        )

    return Asked(ledger, Permission.REPORTS_READ, head, ("balance sheet", as_of, before, depth)), make


@router.get(
    "/ledgers/{ledger}/reports/income-statement",
    summary="Get the income statement",
    response_model=IncomeStatementDocument,
    responses=_RESPONSES,
)
async def get_income_statement(
    ledger: str,
    who: CallerDependency,
    request: Request,
    asked: IntervalDependency,
    compared: ComparedIntervalDependency,
    knowledge: KnowledgeDependency,
    depth: Depth = None,
) -> Response:
    """Return income and expenses of a span of effective time, in all assets side by side.

    Closing transactions are left out. It can be had as JSON, as CSV, and as a page to print.
    """
    chosen = accepted_format(request)
    report = await asked_income_statement(who, ledger, asked, compared, knowledge, depth)
    return await kept_report(request, who, chosen, *report)


async def asked_income_statement(
    who: Caller,
    ledger: str,
    asked: AskedInterval,
    compared: AskedInterval,
    knowledge: PointOfView,
    depth: int | None,
) -> Report:
    """Return which income statement is asked for. Raises `PermissionDenied`, `LedgerNotFound`, `ValidationFailed`."""
    async with who.read(Permission.REPORTS_READ, ledger) as reads:
        zone = await zone_for(reads, ledger, asked.start, asked.end, compared.start, compared.end)
        interval = asked.interval(zone)
        compare = compared.interval(zone) if compared.is_asked else None
        view = await knowledge.as_of(reads, ledger)
        head = await reads.ledgers.head(ledger, up_to=view.sequence)

    async def make(reads: LedgerReads) -> Shown:
        report = await income_statement(
            reads.reports, ledger, interval=interval, compare=compare, sequence=head.sequence, depth=depth
        )
        facts = report_facts(ledger, report.sequence, await zone_of(reads, ledger), interval, compare)
        return Shown(
            income_statement_document(ledger, report),
            income_statement_rows(report),
            Page("Income statement", facts, income_statement_tables(report, assets_across=_ASSETS_ACROSS)),
        )

    what = ("income statement", interval, compare, depth)
    return Asked(ledger, Permission.REPORTS_READ, head, what), make

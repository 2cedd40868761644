"""Reports that are made in the background."""

from contextlib import AbstractAsyncContextManager
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from application.interchange.report_job import ReportFormat, ReportName, ReportRequest
from application.ledger.readers import LedgerReads
from application.ledger.reports import Interval
from application.shared.idempotency import IdempotencyKey
from domain.jobs.job import JobKind, Progress
from domain.shared.access import Permission
from entrypoints.http.dependencies import Caller, CallerDependency, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.http.time_travel import (
    AT_DESCRIPTION,
    ComparedIntervalDependency,
    IntervalDependency,
    KnowledgeDependency,
    PointOfView,
    PointOfViewDependency,
    zone_of,
)
from entrypoints.http.v1.job_documents import JobDocument, KeyOfUrl, accepted
from entrypoints.http.v1.reports import Depth
from entrypoints.schemas.moments import end_of, read_moment

router = APIRouter(route_class=StrictRoute, tags=["jobs"])

_RESPONSES = described_problems(400, 401, 403, 404, 409, 422, 503)
Format = Annotated[ReportFormat, Query(alias="format", description="How the report is written.")]


@router.post(
    "/ledgers/{ledger}/reports/trial-balance/jobs",
    status_code=202,
    summary="Make a trial balance in the background",
    responses=_RESPONSES,
)
async def post_trial_balance_job(
    ledger: str,
    who: CallerDependency,
    response: Response,
    key: KeyOfUrl,
    point_of_view: PointOfViewDependency,
    depth: Depth = None,
    form: Format = ReportFormat.JSON,
) -> JobDocument:
    """Make the report as a job, as of now or of what the query says, as for the report itself."""
    async with _reads(who, ledger) as reads:
        sequence, interval = await _seen_from(reads, ledger, point_of_view)
    request = ReportRequest(ReportName.TRIAL_BALANCE, form, sequence, interval, depth=depth)
    return await _submitted(who, ledger, request, key, response)


@router.post(
    "/ledgers/{ledger}/reports/balance-sheet/jobs",
    status_code=202,
    summary="Make a balance sheet in the background",
    responses=_RESPONSES,
)
async def post_balance_sheet_job(
    ledger: str,
    who: CallerDependency,
    response: Response,
    key: KeyOfUrl,
    point_of_view: PointOfViewDependency,
    compare_at: Annotated[str | None, Query(description=f"To compare with. {AT_DESCRIPTION}")] = None,
    depth: Depth = None,
    form: Format = ReportFormat.JSON,
) -> JobDocument:
    """Make the report as a job, as of now or of what the query says, as for the report itself."""
    beside = read_moment("compare_at", compare_at)
    async with _reads(who, ledger) as reads:
        zone = await zone_of(reads, ledger)
        sequence, interval = await _seen_from(reads, ledger, point_of_view)
    compare = None if beside is None else Interval(None, end_of(beside, zone))
    request = ReportRequest(ReportName.BALANCE_SHEET, form, sequence, interval, compare, depth)
    return await _submitted(who, ledger, request, key, response)


@router.post(
    "/ledgers/{ledger}/reports/income-statement/jobs",
    status_code=202,
    summary="Make an income statement in the background",
    responses=_RESPONSES,
)
async def post_income_statement_job(
    ledger: str,
    who: CallerDependency,
    response: Response,
    key: KeyOfUrl,
    asked: IntervalDependency,
    compared: ComparedIntervalDependency,
    knowledge: KnowledgeDependency,
    depth: Depth = None,
    form: Format = ReportFormat.JSON,
) -> JobDocument:
    """Make the report as a job, as of now or of what the query says, as for the report itself."""
    async with _reads(who, ledger) as reads:
        zone = await zone_of(reads, ledger)
        sequence, _ = await _seen_from(reads, ledger, knowledge)
    compare = compared.interval(zone) if compared.is_asked else None
    request = ReportRequest(ReportName.INCOME_STATEMENT, form, sequence, asked.interval(zone), compare, depth)
    return await _submitted(who, ledger, request, key, response)


def _reads(who: Caller, ledger: str) -> AbstractAsyncContextManager[LedgerReads]:
    return who.services.ledgers.read(who.principal, Permission.REPORTS_READ, ledger=ledger)


async def _seen_from(reads: LedgerReads, ledger: str, point_of_view: PointOfView) -> tuple[int, Interval]:
    """Return the sequence as of which the report is made, which is settled now, and up to when."""
    as_of = await point_of_view.as_of(reads, ledger)
    head = await reads.ledgers.head(ledger, up_to=as_of.sequence)
    return head.sequence, Interval(None, as_of.before)


async def _submitted(
    who: Caller, ledger: str, request: ReportRequest, key: IdempotencyKey | None, response: Response
) -> JobDocument:
    job, is_known = await who.services.jobs.submit(
        who.principal,
        JobKind.REPORT,
        ledger,
        request.data(),
        Progress(0, 1, "reports"),
        request_id=who.request_id,
        key=key,
    )
    return accepted(job, response, is_known=is_known)

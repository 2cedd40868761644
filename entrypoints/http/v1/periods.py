"""Periods: close the books up to a day, and open them again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.close_period import ClosePeriod, ReopenPeriod, closing_draft
from application.ledger.period_reader import PeriodView
from domain.ledger.changes import closed_period
from domain.ledger.events import PeriodClosed, TransactionPosted
from domain.shared.access import Permission
from domain.shared.chain import format_time
from entrypoints.http.dependencies import CallerDependency, DryRun, Key, StrictRoute
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.v1.reasons import DESCRIPTION, ReasonIn
from entrypoints.schemas.forms import Day, Form

router = APIRouter(route_class=StrictRoute, tags=["periods"])

PERIODS = ListSpec(sorts=("-closed_at", "closed_at"))


class PeriodIn(Form):
    """A period to close: from where the one before ended, or since ever, up to a day."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2026-04-01", "reason": "First quarter."}]})

    until: Annotated[Day, Described(description="The first day that stays open, in the ledger's time zone.")]
    reason: Annotated[str, Described(description=DESCRIPTION)] = ""
    result_to: Annotated[
        str | None,
        Described(
            description="An account of type equity, to which closing transactions move what is on income and expense "
            "accounts; without it, there are none.",
            examples=["equity:retained-earnings"],
        ),
    ] = None


class PeriodDocument(TypedDict):
    """A period: the days from `since` (null is since ever) up to, and without, `until`, in the ledger's time zone.

    `starts_at` and `ends_at` are the moments at which these days begin. `closing_transactions` are the ids of those
    that moved its results to equity. In a dry run, ids are null.
    """

    id: str | None
    since: str | None
    starts_at: str | None
    until: str
    ends_at: str
    status: Literal["closed", "reopened"]
    reason: str
    closed_at: str
    reopened_at: str | None
    reopen_reason: str | None
    closing_transactions: Sequence[str | None]


def period_document(view: PeriodView) -> PeriodDocument:
    """Return a period as it is shown."""
    period = view.period
    return {
        "id": period.id,
        "since": None if period.starts_on is None else period.starts_on.isoformat(),
        "starts_at": None if period.starts_at is None else format_time(period.starts_at),
        "until": period.ends_on.isoformat(),
        "ends_at": format_time(period.ends_at),
        "status": "closed" if period.is_closed else "reopened",
        "reason": view.reason,
        "closed_at": format_time(view.closed_at),
        "reopened_at": None if view.reopened_at is None else format_time(view.reopened_at),
        "reopen_reason": view.reopen_reason,
        "closing_transactions": view.closing_transactions,
    }


@router.post(
    "/ledgers/{ledger}/periods",
    status_code=201,
    summary="Close a period",
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def post_period(
    ledger: str, period: PeriodIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> PeriodDocument:
    """Close the books up to a day: nothing may become effective before it any more.

    The day begins at midnight in the ledger's time zone; where clocks skip midnight, when they do so; where there are
    two, with the first.
    """
    async with who.services.ledgers.read(who.principal, Permission.PERIODS_CLOSE, ledger=ledger) as reads:
        # Beforehand, and not in the command: a ledger's time zone never changes.
        time_zone = (await reads.ledgers.ledger(ledger)).settings.time_zone
    draft = closing_draft(who.services.ids, time_zone, period.until, reason=period.reason, result_to=period.result_to)
    outcome = await who.do(ledger, ClosePeriod(draft), response, dry_run=dry_run, key=key)
    *before, last = outcome.applied
    event = last.event
    assert isinstance(event, PeriodClosed)
    posted = [each.event.id for each in before if isinstance(each.event, TransactionPosted)]
    view = PeriodView(closed_period(event), event.reason, last.recorded_at, closing_transactions=posted)
    if dry_run:
        response.status_code = 200
        return {**period_document(view), "id": None, "closing_transactions": [None] * len(posted)}
    response.headers["Location"] = f"/v1/ledgers/{ledger}/periods/{event.id}"
    return period_document(view)


@router.get("/ledgers/{ledger}/periods/{id}", summary="Get a period", responses=described_problems(401, 403, 404))
async def get_period(ledger: str, id: str, who: CallerDependency) -> PeriodDocument:
    """Return one period, whether it is closed or was opened again."""
    async with who.read(Permission.PERIODS_READ, ledger) as reads:
        return period_document(await reads.periods.period(ledger, id))


@router.get(
    "/ledgers/{ledger}/periods",
    summary="List periods",
    openapi_extra=described_list(PERIODS),
    responses=described_problems(400, 401, 403, 404),
)
async def list_periods(
    ledger: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[PeriodDocument]:
    """Return a page of the ledger's periods, the last closed first unless sorted otherwise, the reopened ones too."""
    query = PERIODS.read(request, who)
    async with who.read(Permission.PERIODS_READ, ledger) as reads:
        page = await reads.periods.periods(ledger, query.page)
    return query.document(page, period_document, response)


@router.post(
    "/ledgers/{ledger}/periods/{id}/reopen",
    summary="Reopen a period",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def reopen_period(
    ledger: str,
    id: str,
    reopening: ReasonIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> PeriodDocument:
    """Open the last closed period again. Its closing transactions stay: reverse them if they are to be undone."""
    outcome = await who.do(ledger, ReopenPeriod(id, reopening.reason), response, dry_run=dry_run, key=key)
    async with who.services.ledgers.read(who.principal, Permission.PERIODS_REOPEN, ledger=ledger) as reads:
        view = await reads.periods.period(ledger, id)
    if outcome.book is not None:
        (reopened,) = outcome.applied
        view = replace(
            view,
            period=outcome.book.period(id),
            reopened_at=reopened.recorded_at,
            reopen_reason=reopening.reason,
        )
    return period_document(view)

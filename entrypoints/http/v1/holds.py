"""Holds: place, get, list, capture, release; several at once."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from application.ledger.hold_reader import HoldFilter, HoldView
from application.ledger.permitted import of_holds
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Outcome
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from application.ledger.spans import Span
from domain.ledger.events import HoldReleased
from domain.ledger.hold import CaptureDraft, HoldStatus, ReleaseDraft
from domain.shared.access import Permission
from domain.shared.patterns import Pattern
from entrypoints.http.dependencies import Caller, CallerDependency, DryRun, Key, StrictRoute
from entrypoints.http.openapi import described_forms, described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListQuery, ListSpec
from entrypoints.http.v1.hold_documents import (
    HoldDocument,
    ResolutionDocument,
    ResolutionsDocument,
    hold_document,
    placed_document,
    released_document,
)
from entrypoints.http.v1.transaction_documents import TransactionDocument, posted_document
from entrypoints.http.v1.transactions import posted_response
from entrypoints.schemas.forms import read_each
from entrypoints.schemas.holds import (
    CaptureIn,
    CaptureResolutionIn,
    HoldIn,
    ReleaseIn,
    ReleaseResolutionIn,
    ResolutionsIn,
    capture_draft,
    hold_draft,
    resolution_draft,
)

router = APIRouter(route_class=StrictRoute, tags=["holds"])

HOLDS = ListSpec(
    sorts=("-sequence", "sequence", "placed_at", "-placed_at"),
    fields=(
        Field(
            "status",
            ("", "in"),
            description="`open`, `captured`, `released` or `expired`.",
            known=[status.value for status in HoldStatus],
        ),
        Field("account", description="An account's path, or a pattern: `users:*:wallet`."),
        Field("reference", ("", "in")),
        Field("expires_at", ("gt", "gte", "lt", "lte"), is_time=True),
        Field("placed_at", ("gt", "gte", "lt", "lte"), is_time=True),
        Field("sequence", ("gt", "gte", "lt", "lte"), is_integer=True),
    ),
)

described_forms(CaptureResolutionIn, ReleaseResolutionIn)


@router.post(
    "/ledgers/{ledger}/holds",
    status_code=201,
    summary="Place a hold",
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def place_hold(
    ledger: str, hold: HoldIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> HoldDocument:
    """Reserve a transaction without posting it: what its accounts can spare is not available to others meanwhile."""
    command = PlaceHold(hold_draft(hold, who.services.ids.new("hold")))
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    document = placed_document(outcome.applied[-1])
    if dry_run:
        response.status_code = 200
    else:
        response.headers["Location"] = f"/v1/ledgers/{ledger}/holds/{document['id']}"
    return document


@router.get("/ledgers/{ledger}/holds/{id}", summary="Get a hold", responses=described_problems(401, 403, 404))
async def get_hold(ledger: str, id: str, who: CallerDependency) -> HoldDocument:
    """Return one hold, what is left of it, and the transactions that captured it."""
    async with who.read(Permission.HOLDS_READ, ledger, concerning=of_holds(ledger, [id])) as reads:
        return hold_document(await reads.holds.hold(ledger, id))


@router.get(
    "/ledgers/{ledger}/holds",
    summary="List holds",
    openapi_extra=described_list(HOLDS),
    responses=described_problems(400, 401, 403, 404),
)
async def list_holds(
    ledger: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[HoldDocument]:
    """Return a page of holds, the latest first unless sorted otherwise."""
    query = HOLDS.read(request, who)
    where = hold_filter(query)
    async with who.read(Permission.HOLDS_READ, ledger) as reads:
        page = await reads.holds.holds(ledger, where, query.page)
    return query.document(page, hold_document, response)


def hold_filter(query: ListQuery) -> HoldFilter:
    """Return which holds a query asks for. Raises `ValidationFailed`."""
    return HoldFilter(
        status=query.values("status"),
        account=query.value("account", Pattern),
        reference=query.values("reference"),
        expires_at=query.span("expires_at", Span),
        placed_at=query.span("placed_at", Span),
        sequence=query.span("sequence", Span),
    )


@router.post(
    "/ledgers/{ledger}/holds/{id}/capture",
    status_code=201,
    summary="Capture a hold",
    response_model=TransactionDocument,
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def capture_hold(
    ledger: str,
    id: str,
    capture: CaptureIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> Response:
    """Post what the hold has reserved, or a part of it; return the transaction. What is left stays held."""
    command = CaptureHold(capture_draft(capture, id, who.services.ids.new("txn")))
    return posted_response(await who.do(ledger, command, response, dry_run=dry_run, key=key), ledger)


@router.post(
    "/ledgers/{ledger}/holds/{id}/release",
    summary="Release a hold",
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def release_hold(
    ledger: str,
    id: str,
    release: ReleaseIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> HoldDocument:
    """Let go of all that is left of the hold; return it."""
    command = ReleaseHold(ReleaseDraft(id, release.reason))
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return released_document((await _released(who, ledger, outcome))[id], outcome)


@router.post(
    "/ledgers/{ledger}/holds/resolve",
    summary="Capture and release several holds",
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def resolve_holds(
    ledger: str,
    resolutions: ResolutionsIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> ResolutionsDocument:
    """Capture and release up to 1,000 holds in order, each as the ones before it leave the books; or none of them."""
    ids = who.services.ids
    drafts = read_each(resolutions.resolutions, lambda each: resolution_draft(each, ids.new("txn")), of="resolutions")
    outcome = await who.do(ledger, ResolveHolds(drafts), response, dry_run=dry_run, key=key)
    holds = await _released(who, ledger, outcome)
    results: list[ResolutionDocument] = []
    # Each resolution has one event.
    for index, (draft, applied) in enumerate(zip(drafts, outcome.applied, strict=True)):
        if isinstance(draft, CaptureDraft):
            results.append({"index": index, "action": "capture", "transaction": posted_document(applied)})
        else:
            released = released_document(holds[draft.hold], outcome)
            results.append({"index": index, "action": "release", "hold": released})
    return {"results": results}


async def _released(who: Caller, ledger: str, outcome: Outcome) -> Mapping[str, HoldView]:
    """Return the holds that were released, by their ids: nothing about them changes any more, so a replay says it too.

    Who may resolve holds may see what came of it.
    """
    ids = [applied.event.id for applied in outcome.applied if isinstance(applied.event, HoldReleased)]
    if not ids:
        return {}
    async with who.read(Permission.HOLDS_RESOLVE, ledger, concerning=of_holds(ledger, ids)) as reads:
        return await reads.holds.named(ledger, ids)

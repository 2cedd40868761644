"""Ledgers: create, get, list, change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.change_ledger import ChangeLedger
from application.ledger.create_ledger import create_ledger, try_creation
from application.ledger.readers import LedgerView
from domain.ledger.events import LedgerCreated
from domain.shared.access import Permission
from domain.shared.chain import format_time
from entrypoints.http.dependencies import (
    CallerDependency,
    DryRun,
    IfMatch,
    Key,
    StrictRoute,
    etag,
)
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.schemas.forms import Form
from entrypoints.schemas.transactions import Metadata, MetadataChanges

router = APIRouter(route_class=StrictRoute, tags=["ledgers"])

LEDGERS = ListSpec(sorts=("slug", "-slug"))


class LedgerIn(Form):
    """A ledger to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"slug": "main", "name": "Main books"}]})

    slug: Annotated[str, Described(description="How paths name it: a-z, 0-9 and '-'.", examples=["main"])]
    name: Annotated[str | None, Described(description="How people name it; the slug, if left out.")] = None
    metadata: Metadata = Described(default_factory=dict)


class LedgerChange(Form):
    """What may change about a ledger."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Books of 2026"}]})

    name: str | None = None
    metadata: MetadataChanges = Described(default_factory=dict)


class LedgerDocument(TypedDict):
    """A ledger; `sequence` is that of its last event, and null for one that a dry run would create."""

    slug: str
    name: str
    time_zone: str
    metadata: Mapping[str, str]
    version: int
    sequence: int | None
    created_at: str


def ledger_document(view: LedgerView) -> LedgerDocument:
    """Return a ledger as it is shown."""
    return {
        "slug": view.slug,
        "name": view.settings.name,
        "time_zone": view.settings.time_zone,
        "metadata": view.settings.metadata,
        "version": view.settings.version,
        "sequence": view.sequence,
        "created_at": format_time(view.created_at),
    }


def _new_document(slug: str, event: LedgerCreated, created_at: datetime, *, sequence: int | None) -> LedgerDocument:
    """Return a ledger as it is after its first event, or as it would be."""
    return {
        "slug": slug,
        "name": event.name,
        "time_zone": event.time_zone,
        "metadata": event.metadata,
        "version": 1,
        "sequence": sequence,
        "created_at": format_time(created_at),
    }


@router.post(
    "/ledgers", status_code=201, summary="Create a ledger", responses=described_problems(400, 401, 403, 409, 422)
)
async def post_ledger(
    ledger: LedgerIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> LedgerDocument:
    """Start a set of books. Its slug names it for ever; creating it twice is refused."""
    services = who.services
    name = ledger.name if ledger.name is not None else ledger.slug
    if dry_run:
        created = await try_creation(
            services.ledgers, who.principal, slug=ledger.slug, name=name, metadata=ledger.metadata
        )
        response.status_code = 200
        return _new_document(ledger.slug, created, services.clock.now(), sequence=None)
    made = await create_ledger(
        services.ledgers,
        services.clock,
        services.ids,
        who.principal,
        slug=ledger.slug,
        name=name,
        metadata=ledger.metadata,
        request_id=who.request_id,
        key=key,
    )
    if made.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Location"] = f"/v1/ledgers/{ledger.slug}"
    response.headers["Partita-Sequence"] = "1"
    response.headers["ETag"] = etag(1)
    return _new_document(ledger.slug, made.event, made.created_at, sequence=1)


@router.get("/ledgers/{ledger}", summary="Get a ledger", responses=described_problems(401, 403, 404))
async def get_ledger(ledger: str, who: CallerDependency, response: Response) -> LedgerDocument:
    """Return one ledger."""
    async with who.services.ledgers.read(who.principal, Permission.LEDGERS_READ) as reads:
        view = await reads.ledgers.ledger(ledger)
    response.headers["ETag"] = etag(view.settings.version)
    return ledger_document(view)


@router.get(
    "/ledgers",
    summary="List ledgers",
    openapi_extra=described_list(LEDGERS),
    responses=described_problems(400, 401, 403),
)
async def list_ledgers(who: CallerDependency, request: Request, response: Response) -> ListDocument[LedgerDocument]:
    """Return a page of the organisation's ledgers."""
    query = LEDGERS.read(request, who)
    async with who.services.ledgers.read(who.principal, Permission.LEDGERS_READ) as reads:
        page = await reads.ledgers.ledgers(query.page)
    return query.document(page, ledger_document, response)


@router.patch(
    "/ledgers/{ledger}",
    summary="Change a ledger",
    responses=described_problems(400, 401, 403, 404, 412, 422, 428),
)
async def change_ledger(
    ledger: str,
    change: LedgerChange,
    version: IfMatch,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> LedgerDocument:
    """Rename the ledger, or lay metadata over its own."""
    command = ChangeLedger(version, change.name, change.metadata)
    outcome = await who.do(ledger, command, response, dry_run=dry_run)
    document = await get_ledger(ledger, who, response)
    if outcome.book is not None:
        changed = outcome.book.settings
        document = {**document, "name": changed.name, "metadata": changed.metadata, "version": changed.version}
    return document

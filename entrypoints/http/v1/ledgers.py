"""Ledgers: create, get, list, change; freeze and unfreeze, archive and restore."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.archive_ledger import ArchiveLedger, RestoreLedger
from application.ledger.change_ledger import ChangeLedger
from application.ledger.create_ledger import create_ledger, try_creation
from application.ledger.freeze_ledger import FreezeLedger, UnfreezeLedger
from application.ledger.ledger_reader import LedgerView
from application.ledger.ports import Outcome
from domain.ledger.events import LedgerCreated
from domain.ledger.settings import LedgerSettings
from domain.shared.access import Permission
from domain.shared.chain import format_time
from entrypoints.http.dependencies import (
    Caller,
    CallerDependency,
    DryRun,
    IfMatch,
    Key,
    StrictRoute,
    etag,
)
from entrypoints.http.openapi import MAY_BE_KNOWN, described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListSpec
from entrypoints.http.v1.reasons import ReasonIn, ReasonOfDeletion
from entrypoints.schemas.forms import Form
from entrypoints.schemas.transactions import Metadata, MetadataChanges

router = APIRouter(route_class=StrictRoute, tags=["ledgers"])

LEDGERS = ListSpec(
    sorts=("slug", "-slug"),
    fields=(
        Field(
            "status",
            ("", "in"),
            description="`open`, which is the default, or `archived`.",
            known=("open", "archived"),
        ),
    ),
)


class LedgerIn(Form):
    """A ledger to create."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slug": "main", "name": "Main books", "time_zone": "Europe/Berlin"}]}
    )

    slug: Annotated[str, Described(description="How paths name it: a-z, 0-9 and '-'.", examples=["main"])]
    name: Annotated[str | None, Described(description="How people name it; the slug, if left out.")] = None
    time_zone: Annotated[
        str,
        Described(
            description="In which its days begin, by its name in the IANA database; it never changes.",
            examples=["Europe/Berlin"],
        ),
    ] = "UTC"
    metadata: Metadata = Described(default_factory=dict)


class LedgerChange(Form):
    """What may change about a ledger."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Books of 2026"}]})

    name: str | None = None
    metadata: MetadataChanges = Described(default_factory=dict)


class LedgerDocument(TypedDict):
    """A ledger; `sequence` is that of its last event, and null for one that a dry run would create.

    `status` is `open` or `archived`. Its books are closed up to, and without, the day `closed_until`.
    """

    slug: str
    name: str
    status: str
    is_frozen: bool
    time_zone: str
    closed_until: str | None
    metadata: Mapping[str, str]
    version: int
    sequence: int | None
    created_at: str


def ledger_document(view: LedgerView) -> LedgerDocument:
    """Return a ledger as it is shown."""
    settings = view.settings
    return {
        "slug": view.slug,
        "name": settings.name,
        "status": "archived" if settings.is_archived else "open",
        "is_frozen": settings.is_frozen,
        "time_zone": settings.time_zone,
        "closed_until": None if settings.closed_until_day is None else settings.closed_until_day.isoformat(),
        "metadata": settings.metadata,
        "version": settings.version,
        "sequence": view.sequence,
        "created_at": format_time(view.created_at),
    }


def _settings_of(event: LedgerCreated) -> LedgerSettings:
    """Return the settings of a ledger after its first event."""
    return LedgerSettings(event.name, event.time_zone, event.metadata, version=1)


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
            services.ledgers,
            who.principal,
            slug=ledger.slug,
            name=name,
            metadata=ledger.metadata,
            time_zone=ledger.time_zone,
        )
        response.status_code = 200
        would_be = LedgerView(ledger.slug, _settings_of(created), services.clock.now(), 1)
        return {**ledger_document(would_be), "sequence": None}
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
        time_zone=ledger.time_zone,
    )
    if made.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Location"] = f"/v1/ledgers/{ledger.slug}"
    response.headers["Partita-Sequence"] = "1"
    response.headers["ETag"] = etag(1)
    return ledger_document(LedgerView(ledger.slug, _settings_of(made.event), made.created_at, 1))


@router.get(
    "/ledgers/{ledger}", summary="Get a ledger", responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN}
)
async def get_ledger(ledger: str, who: CallerDependency, response: Response) -> LedgerDocument:
    """Return one ledger, an archived one too."""
    return await _shown(ledger, who, response, Permission.LEDGERS_READ)


async def _shown(
    ledger: str, who: Caller, response: Response, permission: Permission, outcome: Outcome | None = None
) -> LedgerDocument:
    """Return a ledger as it is, or as a dry run with that outcome would leave its settings.

    The permission is that of the command, where there was one: who may change a ledger may see what came of it.
    """
    async with who.read(permission, ledger) as reads:
        view = await reads.ledgers.ledger(ledger)
    response.headers["ETag"] = etag(view.settings.version)
    if outcome is not None and outcome.book is not None:
        view = replace(view, settings=outcome.book.settings)
    return ledger_document(view)


@router.get(
    "/ledgers",
    summary="List ledgers",
    openapi_extra=described_list(LEDGERS),
    responses=described_problems(400, 401, 403),
)
async def list_ledgers(who: CallerDependency, request: Request, response: Response) -> ListDocument[LedgerDocument]:
    """Return a page of the organisation's ledgers, those that are archived only where `status` asks for them."""
    query = LEDGERS.read(request, who)
    async with who.services.ledgers.read(who.principal, Permission.LEDGERS_READ) as reads:
        page = await reads.ledgers.ledgers(query.page, status=query.values("status") or ["open"])
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
    return await _shown(ledger, who, response, command.permission, outcome)


@router.post(
    "/ledgers/{ledger}/freeze",
    summary="Freeze a ledger",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def freeze_ledger(
    ledger: str, freezing: ReasonIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> LedgerDocument:
    """Let the ledger take no more transactions and holds. One that is frozen stays so.

    The answer shows the ledger as it is now, also where an idempotency key had frozen it before.
    """
    command = FreezeLedger(freezing.reason)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return await _shown(ledger, who, response, command.permission, outcome)


@router.post(
    "/ledgers/{ledger}/unfreeze",
    summary="Unfreeze a ledger",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def unfreeze_ledger(
    ledger: str, freezing: ReasonIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> LedgerDocument:
    """Let the ledger take transactions and holds again.

    The answer shows the ledger as it is now, also where an idempotency key had unfrozen it before.
    """
    command = UnfreezeLedger(freezing.reason)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return await _shown(ledger, who, response, command.permission, outcome)


@router.delete(
    "/ledgers/{ledger}",
    summary="Archive a ledger",
    responses=described_problems(400, 401, 403, 404, 409, 412, 422, 428),
)
async def archive_ledger(
    ledger: str,
    version: IfMatch,
    reason: ReasonOfDeletion,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> LedgerDocument:
    """Put away a ledger whose balances are all zero, and in which nothing is held: lists hide it, its books stay.

    Nothing in it changes until it is restored; it can be read. One that is archived already stays so.
    """
    command = ArchiveLedger(version, reason)
    outcome = await who.do(ledger, command, response, dry_run=dry_run)
    return await _shown(ledger, who, response, command.permission, outcome)


@router.post(
    "/ledgers/{ledger}/restore",
    summary="Restore an archived ledger",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def restore_ledger(
    ledger: str, restoring: ReasonIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> LedgerDocument:
    """Bring an archived ledger back. One that is open stays so.

    The answer shows the ledger as it is now, also where an idempotency key had restored it before.
    """
    command = RestoreLedger(restoring.reason)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    return await _shown(ledger, who, response, command.permission, outcome)

"""Organisations: list, found, get, rename."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.identity.organisations import OrganisationStatus
from application.identity.team_ports import OrganisationProfile
from application.shared.pagination import Page
from domain.shared.chain import format_time
from domain.shared.errors import NotFound, PermissionDenied
from entrypoints.http.dependencies import CallerDependency, IfMatch, StrictRoute, caller, etag
from entrypoints.http.openapi import MAY_BE_KNOWN, described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.persons import PersonDependency, PersonRoute, person_caller
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["organisations"])
founding = APIRouter(route_class=PersonRoute, tags=["organisations"])

ORGANISATIONS = ListSpec(sorts=("id",))


class OrganisationIn(Form):
    """An organisation to make, or what it is to be called."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Books Ltd"}]})

    name: Annotated[str, Described(description="What it is called.")]


class OrganisationItem(TypedDict):
    """An organisation, by its number, as text: it is an id like others."""

    id: str
    name: str
    created_at: str


class QuotasDocument(TypedDict):
    """What the organisation has at most; null is without a limit. Whoever runs the server sets them."""

    ledgers: int | None
    api_keys: int | None
    requests_per_minute: int | None
    storage_bytes: int | None


class UsageDocument(TypedDict):
    """How much it has. `storage_bytes`, of its logs and files, is metered only where it has a quota, else null."""

    ledgers: int
    api_keys: int
    members: int
    storage_bytes: int | None


class OrganisationDocument(OrganisationItem):
    """An organisation, with its quotas and how much of them is used."""

    version: int
    quotas: QuotasDocument
    usage: UsageDocument


def organisation_item(profile: OrganisationProfile) -> OrganisationItem:
    """Return an organisation as a list shows it."""
    return {"id": str(profile.id), "name": profile.name, "created_at": format_time(profile.created_at)}


def organisation_document(status: OrganisationStatus) -> OrganisationDocument:
    """Return an organisation as it is shown."""
    quotas, usage = status.profile.quotas, status.usage
    return {
        **organisation_item(status.profile),
        "version": status.profile.version,
        "quotas": {
            "ledgers": quotas.ledgers,
            "api_keys": quotas.api_keys,
            "requests_per_minute": quotas.requests_per_minute,
            "storage_bytes": quotas.storage_bytes,
        },
        "usage": {
            "ledgers": usage.ledgers,
            "api_keys": usage.api_keys,
            "members": usage.members,
            "storage_bytes": usage.storage_bytes,
        },
    }


@router.get(
    "/organisations",
    summary="List organisations",
    openapi_extra=described_list(ORGANISATIONS),
    responses=described_problems(400, 401, 403),
)
async def list_organisations(request: Request, response: Response) -> ListDocument[OrganisationItem]:
    """Return those that the person is a member of; for an API key or an OAuth client, the one that it acts for."""
    try:
        who = await person_caller(request)
    except PermissionDenied:
        by = await caller(request)
        query = ORGANISATIONS.read(request, by)
        status = await by.services.organisation_keeping.show(by.principal, by.principal.organisation_id)
        return query.document(Page([status.profile], None), organisation_item, response)
    query = ORGANISATIONS.read(request, who)
    page = query.page
    after = 0 if page.after is None else int(page.after[0])
    found = await who.services.organisation_keeping.of_person(who.person, limit=page.limit + 1, after=after)
    shown = found[: page.limit]
    next_after = (shown[-1].id,) if len(found) > page.limit else None
    return query.document(Page(shown, next_after), organisation_item, response)


@founding.post(
    "/organisations",
    status_code=201,
    summary="Make an organisation",
    responses=described_problems(400, 401, 403, 422),
)
async def post_organisation(body: OrganisationIn, who: PersonDependency, response: Response) -> OrganisationDocument:
    """Make an organisation, and be its owner: where the server is open for everyone to do so."""
    status = await who.services.organisation_keeping.found(who.person, body.name, request_id=who.request_id)
    response.headers["Location"] = f"/v1/organisations/{status.profile.id}"
    return _shown(status, response)


@router.get(
    "/organisations/{id}",
    summary="Get an organisation",
    responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN},
)
async def get_organisation(id: str, who: CallerDependency, response: Response) -> OrganisationDocument:
    """Return the organisation that the caller acts for, its quotas, and how much of them is used."""
    return _shown(await who.services.organisation_keeping.show(who.principal, _number(id)), response)


@router.patch(
    "/organisations/{id}",
    summary="Rename an organisation",
    responses=described_problems(400, 401, 403, 404, 412, 422, 428),
)
async def change_organisation(
    id: str, change: OrganisationIn, version: IfMatch, who: CallerDependency, response: Response
) -> OrganisationDocument:
    """Give the organisation that the caller acts for another name."""
    status = await who.services.organisation_keeping.rename(
        who.principal, _number(id), change.name, version=version, request_id=who.request_id
    )
    return _shown(status, response)


def _number(id: str) -> int:
    """Return the number that an organisation has in a path. Raises `NotFound` for what is none."""
    if not (id.isascii() and id.isdecimal() and len(id) <= 18):
        raise NotFound(f"There is no organisation {id!a} here.")
    return int(id)


def _shown(status: OrganisationStatus, response: Response) -> OrganisationDocument:
    response.headers["ETag"] = etag(status.profile.version)
    return organisation_document(status)

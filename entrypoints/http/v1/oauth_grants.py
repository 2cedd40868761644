"""What OAuth clients were granted: an organisation's, and what a person has granted itself."""

from collections.abc import Iterable

from fastapi import APIRouter
from typing_extensions import TypedDict

from domain.identity.oauth import OAuthClient, OAuthGrant, wire_client_id
from domain.shared.chain import format_time
from entrypoints.http.dependencies import Caller, CallerDependency, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.http.persons import PersonDependency, PersonRoute

router = APIRouter(route_class=StrictRoute, tags=["oauth-clients"])
# A person's own: neither API keys nor OAuth clients, whatever they may do, see or end what someone has granted others.
own = APIRouter(route_class=PersonRoute, tags=["auth"])


class OAuthGrantDocument(TypedDict):
    """What a client may do: for a person who has consented, or, where `person` is null, for itself."""

    id: str
    client_id: str
    client_name: str
    person: str | None
    scopes: list[str]
    created_at: str


class OAuthGrantsDocument(TypedDict):
    """Grants that hold, newest first: at most 500."""

    data: list[OAuthGrantDocument]


def oauth_grant_document(grant: OAuthGrant, client: OAuthClient, organisation_id: int) -> OAuthGrantDocument:
    """Return a grant as it is shown."""
    return {
        "id": grant.id,
        "client_id": wire_client_id(client.id, organisation_id),
        "client_name": client.name,
        "person": grant.person,
        "scopes": list(grant.scopes),
        "created_at": format_time(grant.created_at),
    }


@router.get("/oauth-grants", summary="List OAuth grants", responses=described_problems(401, 403))
async def list_oauth_grants(who: CallerDependency) -> OAuthGrantsDocument:
    """Return what clients may do in the organisation at the moment, for whom."""
    return _grants(await who.services.oauth.clients.grants(who.principal), who)


@router.delete(
    "/oauth-grants/{id}", status_code=204, summary="Revoke an OAuth grant", responses=described_problems(401, 403, 404)
)
async def delete_oauth_grant(id: str, who: CallerDependency) -> None:
    """End a grant and all its tokens, everywhere within five seconds. The client has to ask again."""
    await who.services.oauth.clients.revoke_grant(who.principal, id, request_id=who.request_id)


@own.get("/auth/grants", summary="List what you have granted", responses=described_problems(401, 403))
async def list_own_grants(who: CallerDependency, person: PersonDependency) -> OAuthGrantsDocument:
    """Return what you have let OAuth clients do for you, in the organisation that your access token is of."""
    return _grants(await who.services.oauth.consents.of_person(who.principal), who)


@own.delete(
    "/auth/grants/{id}",
    status_code=204,
    summary="Take back what you have granted",
    responses=described_problems(401, 403, 404),
)
async def delete_own_grant(id: str, who: CallerDependency, person: PersonDependency) -> None:
    """End a grant of yours and all its tokens, everywhere within five seconds."""
    await who.services.oauth.consents.take_back(who.principal, id, request_id=who.request_id)


def _grants(grants: Iterable[tuple[OAuthGrant, OAuthClient]], who: Caller) -> OAuthGrantsDocument:
    return {"data": [oauth_grant_document(grant, client, who.principal.organisation_id) for grant, client in grants]}

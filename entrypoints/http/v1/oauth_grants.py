"""What OAuth clients were granted: an organisation's, and what a person has granted itself."""

from functools import partial
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.identity.oauth import OAuthClient, OAuthGrant, wire_client_id
from domain.shared.chain import format_time
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.persons import PersonDependency, PersonRoute

router = APIRouter(route_class=StrictRoute, tags=["oauth-clients"])
# A person's own: neither API keys nor OAuth clients, whatever they may do, see or end what someone has granted others.
own = APIRouter(route_class=PersonRoute, tags=["auth"])

OAUTH_GRANTS: Final = ListSpec(sorts=("-id", "id"))


class OAuthGrantDocument(TypedDict):
    """What a client may do: for a person who has consented, or, where `person` is null, for itself."""

    id: str
    client_id: str
    client_name: str
    person: str | None
    scopes: list[str]
    created_at: str


def oauth_grant_document(granted: tuple[OAuthGrant, OAuthClient], organisation_id: int) -> OAuthGrantDocument:
    """Return a grant as it is shown."""
    grant, client = granted
    return {
        "id": grant.id,
        "client_id": wire_client_id(client.id, organisation_id),
        "client_name": client.name,
        "person": grant.person,
        "scopes": list(grant.scopes),
        "created_at": format_time(grant.created_at),
    }


@router.get(
    "/oauth-grants",
    summary="List OAuth grants",
    openapi_extra=described_list(OAUTH_GRANTS),
    responses=described_problems(400, 401, 403),
)
async def list_oauth_grants(
    who: CallerDependency, request: Request, response: Response
) -> ListDocument[OAuthGrantDocument]:
    """Return a page of what clients may do in the organisation at the moment, for whom, the newest first."""
    query = OAUTH_GRANTS.read(request, who)
    page = await who.services.oauth.clients.grants(who.principal, query.page)
    return query.document(page, partial(oauth_grant_document, organisation_id=who.principal.organisation_id), response)


@router.delete(
    "/oauth-grants/{id}", status_code=204, summary="Revoke an OAuth grant", responses=described_problems(401, 403, 404)
)
async def delete_oauth_grant(id: str, who: CallerDependency) -> None:
    """End a grant and all its tokens, everywhere within five seconds. The client has to ask again."""
    await who.services.oauth.clients.revoke_grant(who.principal, id, request_id=who.request_id)


@own.get(
    "/auth/grants",
    summary="List what you have granted",
    openapi_extra=described_list(OAUTH_GRANTS),
    responses=described_problems(400, 401, 403),
)
async def list_own_grants(
    who: CallerDependency, person: PersonDependency, request: Request, response: Response
) -> ListDocument[OAuthGrantDocument]:
    """Return a page of what you have let OAuth clients do for you, in the organisation of your access token.

    The newest comes first.
    """
    query = OAUTH_GRANTS.read(request, person)
    page = await who.services.oauth.consents.of_person(who.principal, query.page)
    return query.document(page, partial(oauth_grant_document, organisation_id=who.principal.organisation_id), response)


@own.delete(
    "/auth/grants/{id}",
    status_code=204,
    summary="Take back what you have granted",
    responses=described_problems(401, 403, 404),
)
async def delete_own_grant(id: str, who: CallerDependency, person: PersonDependency) -> None:
    """End a grant of yours and all its tokens, everywhere within five seconds."""
    await who.services.oauth.consents.take_back(who.principal, id, request_id=who.request_id)

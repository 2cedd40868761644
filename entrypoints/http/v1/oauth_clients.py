"""OAuth clients: register, change, give another secret, revoke."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, NotRequired

from fastapi import APIRouter
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.identity.oauth import (
    AUTHORIZATION_CODE,
    GRANT_TYPES,
    REDIRECT_URIS_MAX,
    REFRESHING,
    OAuthClient,
    wire_client_id,
)
from domain.identity.role import SCOPES_MAX
from domain.shared.chain import BEGINNING_OF_TIME, format_time
from entrypoints.http.dependencies import Caller, CallerDependency, IfMatch, Key, StrictRoute, etag
from entrypoints.http.openapi import MAY_BE_KNOWN, described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.v1.access_forms import AccountPatterns, LedgerPatterns, accounts_of, ledgers_of
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["oauth-clients"])

OAUTH_CLIENTS: Final = ListSpec(sorts=("id", "-id"))

_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Expenses",
    "redirect_uris": ["https://expenses.example/callback"],
    "scopes": ["accounts:read", "transactions:post"],
}
_Name = Annotated[str, Described(description="What people are asked about: the name of the program.")]
_RedirectUris = Annotated[
    list[str],
    Described(
        max_length=REDIRECT_URIS_MAX,
        description="Where codes may go, each to the letter: https, or http at this same machine (127.0.0.1, [::1], "
        "localhost). Only the port of 127.0.0.1 and [::1] may differ.",
    ),
]
_GrantTypes = Annotated[
    list[str], Described(max_length=len(GRANT_TYPES), description=f"Some of {', '.join(GRANT_TYPES)}.")
]
_Scopes = Annotated[
    list[str],
    Described(
        max_length=SCOPES_MAX, description="The most that it may ask for: permissions and built-in roles, by name."
    ),
]
_LIMITS: Final = Described(description="Limits what the client may do when it acts for itself; null does not.")
_Ledgers = Annotated[LedgerPatterns, _LIMITS]
_Accounts = Annotated[AccountPatterns, _LIMITS]


class OAuthClientIn(Form):
    """An OAuth client to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: _Name
    confidential: Annotated[
        bool,
        Described(description="Whether it can keep a secret: a server can; a page, a desktop or mobile app cannot."),
    ] = True
    redirect_uris: _RedirectUris = Described(default_factory=list)
    grant_types: _GrantTypes = Described(default_factory=lambda: [AUTHORIZATION_CODE, REFRESHING])
    scopes: _Scopes
    ledgers: _Ledgers = None
    accounts: _Accounts = None


class OAuthClientPatch(Form):
    """What is to be otherwise of an OAuth client; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scopes": ["accounts:read"]}]})

    # Defaults by a function are not published: what is left out stays, and has no other value by that.
    name: _Name = Described(default_factory=str)
    redirect_uris: _RedirectUris = Described(default_factory=list)
    grant_types: _GrantTypes = Described(default_factory=list)
    scopes: _Scopes = Described(default_factory=list)
    ledgers: _Ledgers = Described(default_factory=lambda: None)
    accounts: _Accounts = Described(default_factory=lambda: None)


class SecretRotationIn(Form):
    """Another secret is to be made: an empty object, or no body at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


_PLAIN_ROTATION: Final = SecretRotationIn()


class OAuthClientDocument(TypedDict):
    """An OAuth client; `client_secret` itself stands only in the answer to its making."""

    id: str
    client_id: str
    name: str
    confidential: bool
    redirect_uris: list[str]
    grant_types: list[str]
    scopes: list[str]
    ledgers: list[str] | None
    accounts: list[str] | None
    version: int
    created_at: str
    revoked_at: str | None
    client_secret: NotRequired[str]


def oauth_client_document(client: OAuthClient, organisation_id: int) -> OAuthClientDocument:
    """Return a client as it is shown."""
    settings = client.data()
    return {
        "id": client.id,
        "client_id": wire_client_id(client.id, organisation_id),
        "name": client.name,
        "confidential": client.is_confidential,
        "redirect_uris": settings["redirect_uris"],
        "grant_types": settings["grant_types"],
        "scopes": settings["scopes"],
        "ledgers": settings["ledgers"],
        "accounts": settings["accounts"],
        "version": client.version,
        "created_at": format_time(client.created_at),
        "revoked_at": format_time(client.revoked_at) if client.revoked_at else None,
    }


@router.post(
    "/oauth-clients",
    status_code=201,
    summary="Register an OAuth client",
    responses=described_problems(400, 401, 403, 409, 422),
)
async def post_oauth_client(
    body: OAuthClientIn, key: Key, who: CallerDependency, response: Response
) -> OAuthClientDocument:
    """Register a program that is to act for the organisation's members, or for itself.

    This answer alone shows the secret of a confidential one; Partita keeps no more than its hash.
    """
    asked = _set("", BEGINNING_OF_TIME, body)
    made, text, is_replayed = await who.services.oauth.clients.create(
        who.principal, asked, confidential=body.confidential, request_id=who.request_id, key=key
    )
    response.headers["Location"] = f"/v1/oauth-clients/{made.id}"
    if is_replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return _answer(made, who, response, text)


@router.get(
    "/oauth-clients",
    summary="List OAuth clients",
    openapi_extra=described_list(OAUTH_CLIENTS),
    responses=described_problems(400, 401, 403),
)
async def list_oauth_clients(
    who: CallerDependency, request: Request, response: Response
) -> ListDocument[OAuthClientDocument]:
    """Return a page of the organisation's OAuth clients, oldest first, the revoked ones too."""
    query = OAUTH_CLIENTS.read(request, who)
    page = await who.services.oauth.clients.list(who.principal, query.page)
    return query.document(page, partial(oauth_client_document, organisation_id=who.principal.organisation_id), response)


@router.get(
    "/oauth-clients/{id}",
    summary="Get an OAuth client",
    responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN},
)
async def get_oauth_client(id: str, who: CallerDependency, response: Response) -> OAuthClientDocument:
    """Return one OAuth client, a revoked one too."""
    return _answer(await who.services.oauth.clients.get(who.principal, id), who, response)


@router.patch(
    "/oauth-clients/{id}",
    summary="Change an OAuth client",
    responses=described_problems(400, 401, 403, 404, 412, 422, 428),
)
async def patch_oauth_client(
    id: str, body: OAuthClientPatch, version: IfMatch, who: CallerDependency, response: Response
) -> OAuthClientDocument:
    """Change what is named. What was granted beyond its scopes as they are then ends at once, with its tokens."""
    given = body.model_dump(include=body.model_fields_set)
    changed = await who.services.oauth.clients.change(
        who.principal, id, lambda client: _changed(client, given), version=version, request_id=who.request_id
    )
    return _answer(changed, who, response)


@router.post(
    "/oauth-clients/{id}/rotate-secret",
    summary="Give an OAuth client another secret",
    responses=described_problems(400, 401, 403, 404, 409, 422),
)
async def rotate_oauth_client_secret(
    id: str, key: Key, who: CallerDependency, response: Response, body: SecretRotationIn = _PLAIN_ROTATION
) -> OAuthClientDocument:
    """Make another secret, which this answer alone shows; the one before is of no use from now on."""
    client, text = await who.services.oauth.clients.rotate_secret(who.principal, id, request_id=who.request_id, key=key)
    if text is None:
        response.headers["Idempotency-Replayed"] = "true"
    return _answer(client, who, response, text)


@router.delete(
    "/oauth-clients/{id}",
    status_code=204,
    summary="Revoke an OAuth client",
    responses=described_problems(401, 403, 404, 412, 428),
)
async def delete_oauth_client(id: str, version: IfMatch, who: CallerDependency) -> None:
    """Make a client, and all tokens that it has, useless for good, everywhere within five seconds."""
    await who.services.oauth.clients.revoke(who.principal, id, version=version, request_id=who.request_id)


def _answer(client: OAuthClient, who: Caller, response: Response, secret: str | None = None) -> OAuthClientDocument:
    response.headers["ETag"] = etag(client.version)
    document = oauth_client_document(client, who.principal.organisation_id)
    if secret is None:
        return document
    response.headers["Cache-Control"] = "no-store"
    return {**document, "client_secret": secret}


def _set(id: str, created_at: datetime, body: OAuthClientIn) -> OAuthClient:
    blank = OAuthClient(id, "", (), (), (), created_at)
    return _changed(blank, body.model_dump(exclude={"confidential"}))


def _changed(client: OAuthClient, given: dict[str, Any]) -> OAuthClient:
    values: dict[str, Any] = dict(given)
    for name in ("redirect_uris", "grant_types"):
        if name in values:
            values[name] = tuple(values[name])
    if "scopes" in values:
        values["scopes"] = tuple(sorted(values["scopes"]))
    if "ledgers" in values:
        values["ledgers"] = ledgers_of(values["ledgers"])
    if "accounts" in values:
        values["accounts"] = accounts_of(values["accounts"])
    return replace(client, **values)

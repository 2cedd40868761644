"""What programs ask the authorisation server for: tokens, their end, what they are; and what the server offers."""

from collections.abc import Callable
from typing import Any, Final

import orjson
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from application.identity.oauth_case import Case, Named
from domain.identity.oauth import GRANT_TYPES, client_named
from domain.identity.role import SCOPES
from domain.shared.chain import Author, Origin
from entrypoints.container import Services
from entrypoints.http.oauth.parameters import client_id_of, read_form_parameters
from entrypoints.http.oauth.server import OAuthRequest, OAuthServer, Said
from entrypoints.http.oauth.shown import ANY_CLIENT, WITH_SECRET
from entrypoints.http.reading import address_of, user_agent_of

router = APIRouter(include_in_schema=False)

_NOT_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# The protocol answers these with 400, unless the client's secret came in a header.
_REFUSED_CREDENTIALS: Final = ("invalid_client", "invalid_grant")
Answering = Callable[[OAuthServer, OAuthRequest], Said]


@router.post("/oauth/token")
async def token(request: Request) -> Response:
    """Exchange a code, a refresh token or a client's own credentials for an access token (RFC 6749)."""
    return await _answer(request, lambda server, asked: server.create_token_response(asked), names_token=False)


@router.post("/oauth/revoke")
async def revoke(request: Request) -> Response:
    """End the grant that a token of the client is of (RFC 7009)."""
    return await _answer(
        request, lambda server, asked: server.create_endpoint_response("revocation", asked), names_token=True
    )


@router.post("/oauth/introspect")
async def introspect(request: Request) -> Response:
    """Say what a token of the client's organisation is (RFC 7662)."""
    return await _answer(
        request, lambda server, asked: server.create_endpoint_response("introspection", asked), names_token=True
    )


@router.get("/.well-known/oauth-authorization-server")
async def metadata(request: Request) -> Response:
    """Say what this authorisation server offers (RFC 8414)."""
    services: Services = request.app.state.services
    return _json(200, server_metadata(services.settings.issuer), {"Cache-Control": "max-age=3600"})


def server_metadata(issuer: str) -> dict[str, Any]:
    """Return what RFC 8414 and RFC 9207 say about the server."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(ANY_CLIENT),
        "revocation_endpoint_auth_methods_supported": list(ANY_CLIENT),
        "introspection_endpoint_auth_methods_supported": list(WITH_SECRET),
        "authorization_response_iss_parameter_supported": True,
    }


async def _answer(request: Request, answering: Answering, *, names_token: bool) -> Response:
    """Answer, and count what is refused with the refused credentials of the address. Raises `RateLimited`."""
    services: Services = request.app.state.services
    address = address_of(request)
    services.admission.require_room_for_refusals(address)
    response = await _answered(services, request, answering, names_token=names_token)
    if hasattr(request.state, "refused_credential"):
        await services.admission.count_refusal(address)
    return response


async def _answered(services: Services, request: Request, answering: Answering, *, names_token: bool) -> Response:
    try:
        parameters = await read_form_parameters(request)
        client_id = client_id_of(request, parameters)
        found = None if client_id is None else client_named(client_id)
        if found is None:
            raise InvalidClientError("The client is unknown.", status_code=401)
    except OAuth2Error as error:
        status, body, headers = error()
        return _told(request, status, dict(body), dict(headers))
    request.state.oauth_client = found
    said: list[Said] = []

    def decide(case: Case) -> None:
        asked = OAuthRequest(request.method, parameters, request.headers)
        said.append(answering(OAuthServer(case, found[1]), asked))

    named = Named(
        organisation_id=found[1],
        client_id=found[0],
        code=None if names_token else parameters.get("code"),
        refresh_token=None if names_token else parameters.get("refresh_token"),
        token=parameters.get("token") if names_token else None,
    )
    origin = Origin(named.client_id, address_of(request), user_agent_of(request))
    author = Author(named.client_id, request.state.request_id, origin)
    case = await services.oauth.tokens.settle(named, decide, author=author)
    answer = said[-1]
    body = dict(answer.body)
    if case.access_token:
        body["access_token"] = case.access_token
    return _told(request, answer.status, body, answer.headers)


def _told(request: Request, status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    if body.get("error") in _REFUSED_CREDENTIALS:
        request.state.refused_credential = body["error"]
    return _json(status, body, headers)


def _json(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    return Response(orjson.dumps(body), status, headers={**_NOT_STORED, **kept}, media_type="application/json")

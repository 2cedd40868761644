"""The authorisation endpoint, as people meet it: log in, look at what is asked for, allow it or not."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from application.identity.oauth_case import Case
from application.identity.oauth_consents import Asked
from domain.identity.oauth import client_named
from domain.identity.permission_words import words_of
from domain.shared.access import Person
from domain.shared.errors import NotAuthenticated, PermissionDenied, RateLimited, ValidationFailed
from entrypoints.container import Services
from entrypoints.http.oauth.browser import Browser
from entrypoints.http.oauth.forms import own_form
from entrypoints.http.oauth.log_ins import log_in, log_out, origin_of, without_log_in
from entrypoints.http.oauth.pages import notice_page, page, protected, style
from entrypoints.http.oauth.parameters import read_parameters
from entrypoints.http.oauth.server import OAuthRequest, OAuthServer, Said
from entrypoints.http.problems import seconds_to_wait
from entrypoints.http.reading import address_of, user_agent_of

router = APIRouter(include_in_schema=False)

_BAD_REQUEST: Final = "This link to log in is not in order"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A request that is in order: what is asked, and all that it takes to answer."""

    services: Services
    server: OAuthServer
    asked: Asked
    oauth_request: OAuthRequest
    grant: Any
    organisation_name: str
    prompts: frozenset[str]


@router.get("/oauth/style.css")
async def get_style() -> Response:
    """Return the style sheet of the pages."""
    return style()


@router.get("/oauth/authorize")
async def get_authorize(request: Request) -> Response:
    """Show the page that is next: to log in, or to consent; send the browser back where neither is needed."""
    opened = await _opened(request)
    if isinstance(opened, Response):
        return opened
    services, asked, prompts = opened.services, opened.asked, opened.prompts
    person = await _logged_in(request, services)
    if person is None or "login" in prompts:
        return _log_in_page(request, opened)
    if not await services.oauth.consents.is_member(asked.organisation_id, person.id):
        return _stranger_page(request, opened)
    if "consent" not in prompts and await services.oauth.consents.is_given(asked, person.id):
        return await _granted(request, opened, person)
    if "none" in prompts and await services.oauth.consents.is_trusted(
        asked.organisation_id, asked.client.id, person.id
    ):
        return _refused(request, opened, "consent_required")
    return page(
        request,
        "consent.html",
        sends_to=asked.redirect_uri,
        scopes=[words_of(scope) for scope in asked.scopes],
        redirect_host=urlsplit(asked.redirect_uri).netloc,
        **_of_every_page(request, opened),
    )


@router.post("/oauth/authorize")
async def post_authorize(request: Request) -> Response:
    """Take what a person says to a page of ours."""
    opened = await _opened(request)
    if isinstance(opened, Response):
        return opened
    form = await own_form(request)
    if isinstance(form, Response):
        return form
    match form.get("step"), form.get("decision"):
        case "log-in", _:
            return await _log_in(request, opened, form)
        case "log-out", _:
            response = _again(request)
            await log_out(request, response)
            return response
        case "consent", "allow":
            person = await _logged_in(request, opened.services)
            return _again(request) if person is None else await _granted(request, opened, person)
        case "consent", "deny":
            said = opened.server.create_authorization_response(
                opened.oauth_request, grant_user=None, grant=opened.grant
            )
            return _redirect(request, opened.services, said)
        case _:
            return notice_page(request, "This form could not be taken", "It does not say what to do.")


async def _opened(request: Request) -> _Opened | Response:
    """Return a request that is in order, or what to answer to one that is not."""
    services: Services = request.app.state.services
    try:
        parameters = read_parameters(request.scope["query_string"].decode("latin-1"))
    except OAuth2Error as error:
        return notice_page(request, _BAD_REQUEST, error.description)
    found = client_named(parameters.get("client_id", ""))
    asking = None if found is None else await services.oauth.consents.asking(found[1], found[0])
    if found is None or asking is None or asking.client is None:
        return notice_page(request, _BAD_REQUEST, "It names no application that is registered here.")
    server = OAuthServer(Case(asking.client, services.clock.now(), new_refresh_token=""), found[1])
    # A form leads to the address of its page, with the same parameters: to the protocol it is the same request.
    oauth_request = OAuthRequest("GET", parameters, {})
    try:
        grant = server.get_consent_grant(oauth_request)
    except OAuth2Error as error:
        if not error.redirect_uri:
            return notice_page(request, _BAD_REQUEST, error.get_error_description())
        # Anyone may have registered the client, and sent this link: without a page, the browser goes there only with
        # someone who lets the client do something already (RFC 9700, section 4.11.2).
        person = await _logged_in(request, services)
        if person is None or not await services.oauth.consents.is_trusted(found[1], asking.client.id, person.id):
            return notice_page(request, _BAD_REQUEST, error.get_error_description() or error.error)
        return _redirect(request, services, server.handle_error_response(oauth_request, error))
    asked = Asked(
        organisation_id=found[1],
        client=asking.client,
        scopes=tuple(oauth_request.scope.split()),
        redirect_uri=grant.redirect_uri,
        code_challenge=parameters["code_challenge"],
    )
    prompts = frozenset(parameters.get("prompt", "").split())
    return _Opened(services, server, asked, oauth_request, grant, asking.organisation_name, prompts)


async def _logged_in(request: Request, services: Services) -> Person | None:
    person = Browser(request).person()
    return person if person is not None and await services.oauth.consents.is_logged_in(person) else None


async def _log_in(request: Request, opened: _Opened, form: dict[str, str]) -> Response:
    email, password = form.get("email", ""), form.get("password", "")
    try:
        await opened.services.attempts.admit("log-in", address_of(request), email)
        signed_in = await opened.services.persons.log_in.sign_in(email, password, origin=origin_of(request))
    except (NotAuthenticated, ValidationFailed) as refused:
        return _log_in_page(request, opened, email=email, error=refused.detail, status=422)
    except RateLimited as refused:
        response: Response = _log_in_page(request, opened, email=email, error=refused.detail, status=429)
        response.headers["Retry-After"] = str(seconds_to_wait(refused))
        return response
    response = _again(request)
    await log_in(request, signed_in, response)
    return response


async def _granted(request: Request, opened: _Opened, person: Person) -> Response:
    try:
        here = person.coming_from(address_of(request), user_agent_of(request))
        code = await opened.services.oauth.consents.give(opened.asked, here, request_id=request.state.request_id)
    except PermissionDenied:
        return _stranger_page(request, opened)
    opened.server.code = code
    said = opened.server.create_authorization_response(opened.oauth_request, grant_user=person.id, grant=opened.grant)
    return _redirect(request, opened.services, said)


def _refused(request: Request, opened: _Opened, error: str) -> Response:
    """Send the browser back, as the client wanted no page to be shown."""
    told = OAuth2Error(error=error, redirect_uri=opened.asked.redirect_uri, state=opened.oauth_request.payload.state)
    return _redirect(request, opened.services, opened.server.handle_error_response(opened.oauth_request, told))


def _redirect(request: Request, services: Services, said: Said) -> Response:
    """Send the browser to the client, and say who does so (RFC 9207), so that it cannot be mistaken for another."""
    location = add_params_to_uri(said.headers["Location"], [("iss", services.settings.issuer)])
    # After a form, 303: what was sent here, a password too, is not to be sent on.
    status = 303 if request.method == "POST" else 302
    return Response(status_code=status, headers={**protected(), "Location": location})


def _again(request: Request) -> Response:
    """Send the browser to the same page, which has something else to show now."""
    return RedirectResponse(f"authorize?{without_log_in(request.url.query)}", 303, headers=protected())


def _log_in_page(
    request: Request, opened: _Opened, *, email: str = "", error: str | None = None, status: int = 200
) -> Response:
    provider = opened.services.oauth.provider
    return page(
        request,
        "log_in.html",
        status=status,
        sends_to=opened.asked.redirect_uri,
        email=email,
        error=error,
        provider_name=None if provider is None else provider.name,
        query=request.url.query,
        **_of_every_page(request, opened),
    )


def _stranger_page(request: Request, opened: _Opened) -> Response:
    return page(
        request,
        "stranger.html",
        status=403,
        sends_to=opened.asked.redirect_uri,
        **_of_every_page(request, opened),
    )


def _of_every_page(request: Request, opened: _Opened) -> dict[str, Any]:
    return {
        "action": f"authorize?{request.url.query}",
        "client_name": opened.asked.client.name,
        "organisation_name": opened.organisation_name,
    }

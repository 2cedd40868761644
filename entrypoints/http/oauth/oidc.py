"""Log-in by a browser at an outside OpenID provider: there, and back again."""

import hmac
import logging
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from application.identity.openid_ports import ProviderUnusable
from application.shared.key_id import base64url
from domain.shared.errors import NotAuthenticated, NotFound, ValidationFailed
from entrypoints.container import Services
from entrypoints.http.oauth.browser import Browser
from entrypoints.http.oauth.forms import own_form
from entrypoints.http.oauth.log_ins import log_in, origin_of, without_log_in
from entrypoints.http.oauth.pages import notice_page, page, protected

router = APIRouter(include_in_schema=False)

# How long someone may take to log in at the provider.
_SECONDS: Final = 600
_FAILED: Final = "You could not be logged in"
_log = logging.getLogger("partita.http.oidc")


@router.post("/auth/oidc/start")
async def start(request: Request) -> Response:
    """Send the browser to the provider, as a form of ours asks; `for` what is a query of the authorisation endpoint.

    A link could be followed without anyone's doing, and who has a session there would get one here.
    """
    services: Services = request.app.state.services
    if services.oauth.provider is None:
        raise NotFound("This server has no OpenID provider to log in with.")
    form = await own_form(request)
    if isinstance(form, Response):
        return form
    state, nonce, verifier = token_urlsafe(32), token_urlsafe(32), token_urlsafe(48)
    challenge = base64url(sha256(verifier.encode()).digest())
    try:
        url = await services.oauth.provider.start(
            _callback(services), state=state, nonce=nonce, code_challenge=challenge
        )
    except ProviderUnusable as failure:
        return _unusable(request, failure)
    # Not by a redirect: the page's policy would hold for it and for those that the provider adds, and name them all.
    response = page(request, "leaving.html", url=url, provider_name=services.oauth.provider.name)
    kept = {"state": state, "nonce": nonce, "verifier": verifier, "for": form.get("for", "")}
    Browser(request).keep("oidc", kept, _SECONDS, response)
    return response


@router.get("/auth/oidc/callback")
async def callback(request: Request) -> Response:
    """Take the browser back from the provider, and log in whom the provider vouches for."""
    services: Services = request.app.state.services
    if services.oauth.provider is None:
        raise NotFound("This server has no OpenID provider to log in with.")
    response = await _called_back(request, services)
    # What the browser was given to keep is good for one return.
    Browser(request).drop("oidc", response)
    return response


async def _called_back(request: Request, services: Services) -> Response:
    assert services.oauth.provider is not None
    browser = Browser(request)
    kept, given = browser.opened("oidc", _SECONDS), request.query_params
    if kept is None or not hmac.compare_digest(kept["state"].encode(), given.get("state", "").encode()):
        text = "This is not the answer to a log-in that was begun in this browser in the last ten minutes. Begin anew."
        return notice_page(request, _FAILED, text)
    if "code" not in given:
        return notice_page(request, _FAILED, f"{services.oauth.provider.name} did not log you in. Begin anew.")
    try:
        identity = await services.oauth.provider.finish(
            _callback(services),
            code=given["code"],
            nonce=kept["nonce"],
            code_verifier=kept["verifier"],
            issuer=given.get("iss"),
        )
        signed_in = await services.persons.log_in.sign_in_by_identity(
            identity.issuer,
            identity.subject,
            identity.email,
            identity.is_email_verified,
            origin=origin_of(request),
        )
    except ProviderUnusable as failure:
        return _unusable(request, failure)
    except (NotAuthenticated, ValidationFailed) as refused:
        return notice_page(request, _FAILED, refused.detail, status=403)
    if not kept["for"]:
        response: Response = notice_page(request, "You are logged in", "You can close this page.", status=200)
    else:
        query = without_log_in(kept["for"])
        response = RedirectResponse(f"../../oauth/authorize?{query}", 303, headers=protected())
    await log_in(request, signed_in, response)
    return response


def _callback(services: Services) -> str:
    return f"{services.settings.issuer}/auth/oidc/callback"


def _unusable(request: Request, failure: ProviderUnusable) -> Response:
    assert request.app.state.services.oauth.provider is not None
    _log.warning("the OpenID provider is of no use in %s: %s", request.state.request_id, failure)
    name = request.app.state.services.oauth.provider.name
    return notice_page(request, _FAILED, f"{name} cannot be used at the moment. Try again later.", status=502)

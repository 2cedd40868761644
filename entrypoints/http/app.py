"""The HTTP application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, compile_path
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from application.shared.ports import CommitInDoubt, StoreUnavailable
from domain.shared.errors import DomainError, NotFound, ValidationFailed
from entrypoints.container import Services
from entrypoints.http import health, jwks
from entrypoints.http.addresses import Proxies
from entrypoints.http.answer_headers import page_policy
from entrypoints.http.extending import extension_routes
from entrypoints.http.graphql import endpoint as graphql
from entrypoints.http.graphql import socket as graphql_socket
from entrypoints.http.graphql.extending import schema_with
from entrypoints.http.middleware import Envelope, HotPaths
from entrypoints.http.oauth import authorize, endpoints, oidc
from entrypoints.http.openapi import openapi_document
from entrypoints.http.problems import (
    MethodNotAllowed,
    problem_index,
    problem_page,
    problem_response,
    refusal_of,
)
from entrypoints.http.realtime import asyncapi, endpoint
from entrypoints.http.realtime.endpoint import Realtime
from entrypoints.http.sharing import Sharing
from entrypoints.http.v1 import (
    account_states,
    accounts,
    api_keys,
    assets,
    attachments,
    audit_log,
    auth,
    bulk,
    chart,
    events,
    exports,
    holds,
    imports,
    invitations,
    jobs,
    ledgers,
    members,
    oauth_clients,
    oauth_grants,
    organisations,
    own_account,
    periods,
    report_jobs,
    reports,
    reversals,
    roles,
    statements,
    transactions,
    webhook_operation,
    webhooks,
)
from entrypoints.schemas.forms import refusal

DESCRIPTION: Final = """
The open ledger server: double-entry, multi-tenant, event-sourced.

Amounts are strings in major units (`"12.50"`). Errors are problems of RFC 9457, whose `code` you can rely on; each is
explained at `/problems/<code>`. Every POST that changes something takes an `Idempotency-Key`, but for those of persons
who act for no organisation yet: all below `/v1/auth`, `/v1/organisations` and `/v1/invitations/accept`. Writes to a
ledger take `?dry_run=true`, but for imports, which are jobs.

Ledgers are followed live over the WebSocket `/v1/realtime`, which [asyncapi.json](asyncapi.json) describes.
"""
_HOT_PATHS: Final = {
    ("POST", "/v1/ledgers/{ledger}/transactions"): transactions.post_transaction,
    ("POST", "/v1/ledgers/{ledger}/transactions/bulk"): bulk.post_bulk,
}
_ROUTERS: Final = (
    transactions.hot,
    bulk.router,
    transactions.router,
    reversals.router,
    holds.router,
    accounts.router,
    statements.router,
    account_states.router,
    ledgers.router,
    assets.router,
    chart.router,
    periods.router,
    reports.router,
    report_jobs.router,
    imports.router,
    jobs.router,
    events.router,
    exports.router,
    endpoint.router,
    api_keys.router,
    oauth_clients.router,
    oauth_grants.router,
    oauth_grants.own,
    organisations.founding,
    organisations.router,
    members.router,
    invitations.accepting,
    invitations.router,
    roles.router,
    auth.router,
    own_account.router,
    audit_log.router,
    webhooks.router,
    webhook_operation.router,
    attachments.router,
)


class Partita(FastAPI):
    """FastAPI behind the envelope and the hot paths, which come before its own middleware: that costs 10 µs."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the application's lifespan."""
        scope["app"] = self
        await self.front(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Leave out the outermost layer, which would answer a bug before the envelope can, and not with a problem."""
        stack = super().build_middleware_stack()
        assert isinstance(stack, ServerErrorMiddleware)
        return stack.app

    async def serve_by_routing(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve whatever is not a hot path, as FastAPI does."""
        await super().__call__(scope, receive, send)


def create_app(services: Services) -> Partita:
    """Return the application that serves these services."""
    realtime = Realtime()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with_work = services.settings.worker_inside
        services.runners.start(with_work=with_work)
        realtime.start(services.relay)
        try:
            yield
        finally:
            await realtime.stop()
            await services.end(with_work=with_work)

    app = Partita(
        title="Partita",
        version=version("partita"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        # A path has one spelling: a slash too many is told to be a mistake, not sent after.
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.realtime = realtime
    app.state.graphql = schema_with(services.extensions)
    settings = services.settings
    origins = settings.cors_origins
    app.front = Envelope(
        HotPaths(app.serve_by_routing, endpoints=_HOT_PATHS),
        ids=services.ids,
        admission=services.admission,
        refusals=services.refusals,
        proxies=Proxies(settings.trusted_proxies),
        telemetry=services.telemetry,
        lifecycle=services.lifecycle,
        sharing=Sharing(origins, has_credentials=settings.cors_credentials) if origins else None,
    )
    app.router.routes.extend([*_routes(), *extension_routes(services.extensions)])
    # The package's own page names its assets by whatever scheme the server itself was asked with.
    app.mount("/swagger", StaticFiles(packages=[("fastapi_swagger", "resources")]))
    app.openapi = lambda: openapi_document(app)  # type: ignore[method-assign] # FastAPI's documented way to change it
    app.add_exception_handler(RequestValidationError, _on_bad_form)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for failure in (DomainError, StoreUnavailable, CommitInDoubt):
        app.add_exception_handler(failure, _on_failure)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Return all routes: made once, as FastAPI takes a quarter of a second for them; services come with requests."""
    shared = APIRouter()
    # Routes are tried one by one: those that are asked every second come first.
    shared.include_router(health.router)
    for router in _ROUTERS:
        shared.include_router(router, prefix="/v1")
    for plain in (graphql, asyncapi, jwks, authorize, endpoints, oidc):
        shared.include_router(plain.router)
    shared.routes.append(endpoint.route)
    shared.routes.append(graphql_socket.route)
    shared.add_api_route("/problems", problem_index, include_in_schema=False)
    shared.add_api_route("/problems/{code}", problem_page, include_in_schema=False)
    shared.add_api_route("/", _to_documentation, include_in_schema=False)
    shared.add_api_route("/docs", _documentation, include_in_schema=False)
    return shared.routes


def _to_documentation() -> Response:
    return RedirectResponse("docs")


def _documentation() -> Response:
    # All relative: whatever name and scheme a proxy in front of this server has, a browser stays with it.
    page = get_swagger_ui_html(
        title="Partita",
        openapi_url="openapi.json",
        swagger_js_url="swagger/swagger-ui-bundle.js",
        swagger_css_url="swagger/swagger-ui.css",
        swagger_favicon_url="swagger/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True, "filter": True, "displayRequestDuration": True},
    )
    page.headers["Content-Security-Policy"] = page_policy(bytes(page.body).decode(), loads="'self'")
    return page


async def _on_failure(request: Request, failure: Exception) -> Response:
    return problem_response(refusal_of(failure, request.state.request_id), request)


async def _on_bad_form(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(refusal(error.errors(), is_of_request=True), request)


def _allowed_methods(request: Request) -> str:
    """Return what RFC 9110 wants in `Allow`: the methods of all routes of the path, of which the router names one's."""
    paths = request.app.openapi()["paths"]
    matching = [path for path in paths if compile_path(path)[0].match(request.scope["path"])]
    return ", ".join(sorted({method.upper() for path in matching for method in paths[path]}))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = _allowed_methods(request) or (error.headers or {}).get("Allow", "")
        refused: DomainError = MethodNotAllowed(f"{request.method} is not allowed here. Allowed: {allowed}.")
        return problem_response(refused, request, {"Allow": allowed})
    if error.status_code == 404:
        hint = "" if request.url.path.startswith("/v1/") else " Paths of this interface begin with /v1/."
        return problem_response(NotFound(f"There is nothing at {request.url.path}.{hint}"), request)
    return problem_response(ValidationFailed(str(error.detail)), request)

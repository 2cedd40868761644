"""What surrounds every request: its id, the version of the interface, and an answer even to a bug."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application.identity.admission import Admission
from application.identity.refusal_log import RefusalLog
from application.shared.ports import CommitInDoubt, Ids, StoreUnavailable
from application.shared.rate_limits import Meter
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from domain.shared.errors import DomainError, NotFound
from entrypoints.http.addresses import Proxies
from entrypoints.http.answer_headers import completed
from entrypoints.http.problems import UnsupportedVersion, problem_response, refusal_of
from entrypoints.http.refused import LOGGED_STATUSES, log_refusal
from entrypoints.http.routes import route_of
from entrypoints.http.sharing import Sharing
from entrypoints.ready_made import Lifecycle

VERSION: Final = "1"
# A test notices where a route has another one.
_ROOTS_OF_VERSION_1: Final = (
    "ledgers",
    "api-keys",
    "audit-log",
    "organisations",
    "members",
    "invitations",
    "roles",
    "oauth-clients",
    "oauth-grants",
    "auth",
    "realtime",
    "webhooks",
    "jobs",
)
_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start"})
_PROBES: Final = "/health/"
# Anyone can make others up, and each would be counted by itself.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
_STREAM: Final = b"text/event-stream"
_CLOSE: Final = (b"connection", b"close")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Envelope:
    """Gives a request its id (the client's own, if it is one) and its address, and answers even a bug with a problem.

    A WebSocket is one too, until it is accepted.
    Every answer has `X-Request-Id`, `Partita-Version` and the headers that `completed` adds. A path without version is
    taken for one of version 1 where the header `Partita-Version` asks for it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        ids: Ids,
        admission: Admission,
        refusals: RefusalLog,
        proxies: Proxies,
        telemetry: Telemetry,
        lifecycle: Lifecycle,
        sharing: Sharing | None = None,
    ) -> None:
        """With `sharing`, pages of other origins may call this server."""
        self._app = app
        self._ids = ids
        self._admission = admission
        self._refusals = refusals
        self._proxies = proxies
        self._telemetry = telemetry
        self._lifecycle = lifecycle
        self._answered = self._serve if sharing is None else sharing.around(self._serve)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id, parent = self._ids_of(scope)
        path: str = scope["path"]
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["path"] = path
        state["address"] = self._proxies.read(scope)
        meters: list[Meter] = []
        state["meters"] = meters
        own = [(b"x-request-id", request_id.encode()), (b"partita-version", VERSION.encode())]

        async def send_enveloped(message: Message) -> None:
            if message["type"] in _STARTS:
                state["has_started"] = True
                self._tell(scope, message["status"], message["headers"])
                if message["status"] in LOGGED_STATUSES or "refused_credential" in state:
                    log_refusal(self._refusals, scope, message["status"])
                message["headers"] = completed(message["headers"], path, scope["scheme"], own, meters)
                if self._lifecycle.is_stopping:
                    # The next request of this client comes over another connection, to another server.
                    message["headers"].append(_CLOSE)
            elif message["type"] == "websocket.accept":
                state["has_started"] = True
                self._telemetry.tell(status=101, route=route_of(scope) or path, lasting=1)
                message["headers"] = own
            await send(message)

        if path.startswith(_PROBES):
            await self._answered(scope, receive, send_enveloped)
            return
        method = scope.get("method", "WEBSOCKET")
        method = method if method in _METHODS else "OTHER"
        with self._telemetry.span(Kind.REQUEST, method, request=request_id, parent=parent, method=method):
            await self._answered(scope, receive, send_enveloped)

    def _tell(self, scope: Scope, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        if self._telemetry is UNWATCHED:
            return
        self._telemetry.tell(status=status, route=route_of(scope) or "none")
        if any(name == b"content-type" and value.startswith(_STREAM) for name, value in headers):
            self._telemetry.tell(lasting=1)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["state"]
        try:
            for name, value in scope["headers"]:
                if name == b"partita-version":
                    _ask_for_version(scope, value)
            if "\x00" in scope["path"]:
                # PostgreSQL cannot even be asked for it.
                raise NotFound("There is nothing at a path that contains NUL.")
            if not state["path"].startswith(_PROBES):
                address = state["address"]
                meter = self._admission.address_at_once(address) or await self._admission.address(address)
                if meter is not None:
                    state["meters"].append(meter)
            await self._app(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception as bug:
            if "has_started" in state:
                raise
            await problem_response(refusal_of(bug, state["request_id"]), HTTPConnection(scope))(scope, receive, send)

    def _ids_of(self, scope: Scope) -> tuple[str, str | None]:
        """Return the request's id, and what the client says of the trace that it is part of."""
        request_id = parent = None
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                request_id = str(value, "ascii")
            elif name == b"traceparent":
                parent = str(value, "latin-1")
        return request_id or self._ids.new("req"), parent


def _ask_for_version(scope: Scope, version: bytes) -> None:
    """Take a path without version for one of the version asked for. Raises `UnsupportedVersion`."""
    if version != VERSION.encode():
        shown = version[:20].decode("latin-1")
        raise UnsupportedVersion(f"There is no version {shown!a} of this interface; there is {VERSION}.")
    _, _, rest = scope["path"].partition("/")
    if rest.partition("/")[0] in _ROOTS_OF_VERSION_1:
        scope["path"] = f"/v{VERSION}{scope['path']}"


Endpoint = Callable[[Request], Awaitable[Response]]


class HotPaths:
    """Serves a few routes straight from their endpoints, ahead of routing and all that comes with it.

    They are the ones that a busy server spends its time on; the way through the framework takes it as long as reading
    and posting a transaction does. They stand among the framework's routes too, which is where they are documented.
    """

    def __init__(self, app: ASGIApp, *, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        self._app = app
        self._endpoints = [
            (method, path, compile_path(path)[0], endpoint) for (method, path), endpoint in endpoints.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request."""
        if scope["type"] == "http":
            for method, path, pattern, endpoint in self._endpoints:
                if scope["method"] == method and (match := pattern.match(scope["path"])):
                    scope["path_params"] = match.groupdict()
                    scope["state"]["route"] = path
                    request = Request(scope, receive)
                    try:
                        response = await endpoint(request)
                    except (DomainError, StoreUnavailable, CommitInDoubt) as failure:
                        response = problem_response(refusal_of(failure, request.state.request_id), request)
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)

"""Which pages of other sites may call this server: cross-origin resource sharing, off by default."""

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from entrypoints.http.problems import OriginNotAllowed, problem_response

# What pages of other origins may send, beside what browsers let everyone send; and what they may read of answers.
_SENT_HEADERS: Final = (
    "Authorization",
    "Content-Digest",
    "Content-Disposition",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Partita-Sequence",
    "Partita-Version",
    "Range",
    "Repr-Digest",
    "X-Request-Id",
)
_TOLD_HEADERS: Final = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Partita-Sequence",
    "Partita-Version",
    "RateLimit",
    "RateLimit-Policy",
    "Repr-Digest",
    "Retry-After",
    "X-Request-Id",
)


def require_known_origin(request: HTTPConnection, origins: Sequence[str]) -> None:
    """Return if no page of another site asks for a WebSocket, or one that may. Raises `OriginNotAllowed`.

    Browsers let any page open one, and say which does: unlike with other requests, it is for the server to refuse.
    """
    origin = request.headers.get("origin")
    if origin is None or origin in origins or "*" in origins:
        return
    # What stands in front of this server may take TLS off, so the scheme is not compared.
    if origin.partition("://")[2] != request.headers.get("host"):
        raise OriginNotAllowed("A page of another origin asks for a WebSocket; this server takes none of such pages.")


class Sharing:
    """Lets the pages of named origins call this server and read its answers (CORS); `*` is any."""

    def __init__(self, origins: Sequence[str], *, has_credentials: bool) -> None:
        self._origins = origins
        self._has_credentials = has_credentials

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application, which also answers what browsers ask beforehand; nobody need say who they are."""
        return _Asked(
            app,
            allow_origins=self._origins,
            allow_credentials=self._has_credentials,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=_SENT_HEADERS,
            expose_headers=_TOLD_HEADERS,
        )


class _Asked(CORSMiddleware):
    """Starlette's answers, of which a refusal is a problem."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        return answer if answer.status_code == 200 else _Refused(answer)


class _Refused(Response):
    """The problem that tells of a refusal, with the headers of another answer that tells of it."""

    def __init__(self, told: Response) -> None:
        super().__init__()
        why = bytes(told.body).decode().removeprefix("Disallowed CORS ")
        self._refusal = OriginNotAllowed(
            f"A page of another origin asks to call here; this server takes no such {why}."
        )
        of_body = ("content-type", "content-length")
        self._kept = {name: value for name, value in told.headers.items() if name not in of_body}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await problem_response(self._refusal, Request(scope), self._kept)(scope, receive, send)

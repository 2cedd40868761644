"""Which pages of other sites may call this server: cross-origin resource sharing, off by default."""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

# What pages of other origins may send, beside what browsers let everyone send; and what they may read of answers.
_SENT_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "Last-Event-ID",
    "Partita-Version",
    "X-Request-Id",
)
_TOLD_HEADERS: Final = (
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Partita-Sequence",
    "Partita-Version",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-Id",
)


class Sharing:
    """Lets the pages of named origins call this server and read its answers (CORS); `*` is any."""

    def __init__(self, origins: Sequence[str], *, has_credentials: bool) -> None:
        self._origins = origins
        self._has_credentials = has_credentials

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application, which also answers what browsers ask beforehand; nobody need say who they are."""
        return CORSMiddleware(
            app,
            allow_origins=self._origins,
            allow_credentials=self._has_credentials,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=_SENT_HEADERS,
            expose_headers=_TOLD_HEADERS,
        )

"""Problems: how a refusal is told over HTTP (RFC 9457), and the one place that decides its status."""

import html
import inspect
import logging
import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import orjson
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from application.shared.ports import CommitInDoubt, StoreBusy, StoreUnavailable
from domain.attachments.refusals import FileTooLarge, RangeNotSatisfiable
from domain.shared.errors import DomainError, ErrorKind, NotFound, Overloaded, RateLimited, Unavailable
from entrypoints.http.answer_headers import page_policy
from entrypoints.schemas.forms import BLAMES_MAX
from entrypoints.schemas.hidden import without_credentials

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1
TEXT_LENGTH_MAX: Final = 4_000

_log = logging.getLogger("partita.http")


class MethodNotAllowed(DomainError):
    """The path exists, and does not take this method; the header `Allow` lists those that it takes."""

    code = "method-not-allowed"
    kind = ErrorKind.MALFORMED
    title = "Method not allowed"


class UnsupportedMediaType(DomainError):
    """The body is of a type that this path does not read. Send JSON, as `Content-Type: application/json`."""

    code = "unsupported-media-type"
    kind = ErrorKind.MALFORMED
    title = "Unsupported media type"


class NotAcceptable(DomainError):
    """The answer cannot be had in any of the types that the header `Accept` names; the detail says in which it can."""

    code = "not-acceptable"
    kind = ErrorKind.MALFORMED
    title = "Not acceptable"


class PayloadTooLarge(DomainError):
    """The body is longer than this server accepts. Split it, or stream it as NDJSON to the bulk route."""

    code = "payload-too-large"
    kind = ErrorKind.MALFORMED
    title = "The body is too large"


class UnsupportedVersion(DomainError):
    """This server speaks version 1: use paths that begin with `/v1/`, or the header `Partita-Version: 1`."""

    code = "unsupported-version"
    kind = ErrorKind.MALFORMED
    title = "No such version"


class UnknownParameter(DomainError):
    """A query parameter, filter, sort field or cursor is not one that is known here; the detail says which are.

    None is ever ignored: a `dry_run` that is misspelt must not post.
    """

    code = "unknown-parameter"
    kind = ErrorKind.MALFORMED
    title = "Unknown parameter"


def unknown_parameter(name: str, known: Collection[str]) -> UnknownParameter:
    """Return what to say of a query parameter that is not among the known ones."""
    hint = f"Known are: {', '.join(known)}." if known else "This path takes none."
    return UnknownParameter(f"There is no parameter {name!a} here. {hint}")


class OriginNotAllowed(DomainError):
    """A page of that origin may not call this server, or not in that way: it asked beforehand, and is told no (CORS).

    Whoever runs the server names the origins that may, in `PARTITA_CORS_ORIGINS`.
    """

    code = "origin-not-allowed"
    kind = ErrorKind.FORBIDDEN
    title = "Not from that page"


class NotHttp(DomainError):
    """What was sent is not a request of HTTP/1.1. The connection is closed, and there is no `request_id`."""

    code = "not-http"
    kind = ErrorKind.MALFORMED
    title = "Not a request"


class HeadTooSlow(DomainError):
    """The head of the request did not come in time. The connection is closed, and there is no `request_id`."""

    code = "head-too-slow"
    kind = ErrorKind.MALFORMED
    title = "The request took too long"


class HeadTooLarge(DomainError):
    """The line and the headers of the request are longer than 64 KiB. The connection is closed; no `request_id`."""

    code = "head-too-large"
    kind = ErrorKind.MALFORMED
    title = "The head is too large"


class UpgradeRequired(DomainError):
    """This path is a WebSocket: ask for it with a client of WebSockets, by a URL that begins with `ws:` or `wss:`."""

    code = "upgrade-required"
    kind = ErrorKind.MALFORMED
    title = "This is a WebSocket"


NOT_OF_ROUTES: Final = (OriginNotAllowed.code, NotHttp.code, HeadTooSlow.code, HeadTooLarge.code)
"""Codes of what is refused before any route is asked; the protocol writes all but the first by itself."""


class InternalError(DomainError):
    """Something in the server failed that should not have. Nothing was changed unless you were told so.

    Report it with the `request_id`, under which the server's log says more.
    """

    code = "internal-error"
    kind = ErrorKind.UNAVAILABLE
    title = "Our mistake"


_STATUS_OF_CODE: Final = {
    MethodNotAllowed.code: 405,
    NotAcceptable.code: 406,
    HeadTooSlow.code: 408,
    PayloadTooLarge.code: 413,
    FileTooLarge.code: 413,
    UnsupportedMediaType.code: 415,
    RangeNotSatisfiable.code: 416,
    UpgradeRequired.code: 426,
    HeadTooLarge.code: 431,
    InternalError.code: 500,
}
_STATUS_OF_KIND: Final = {
    ErrorKind.MALFORMED: 400,
    ErrorKind.NOT_AUTHENTICATED: 401,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.STALE: 412,
    ErrorKind.INVALID: 422,
    ErrorKind.REFUSED: 422,
    ErrorKind.BASELESS: 428,
    ErrorKind.EXCESSIVE: 429,
    ErrorKind.UNAVAILABLE: 503,
}


def status_of(error: DomainError | type[DomainError]) -> int:
    """Return the HTTP status that tells this refusal."""
    return _STATUS_OF_CODE.get(error.code) or _STATUS_OF_KIND[error.kind]


def problem_document(error: DomainError, request_id: str, *, instance: str | None = None) -> dict[str, Any]:
    """Return the members of the problem: those of RFC 9457, then `code`, `request_id` and `errors`.

    A credential that was sent where it does not belong is not repeated: problems get shown, and kept in logs.
    """
    document: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": status_of(error),
        "detail": _shown(error.detail),
        "code": error.code,
        "request_id": request_id,
    }
    if instance is not None:
        document["instance"] = _shown(instance)
    # The facts of the case are members of their own, as RFC 9457 has it; no name of theirs is one of those above.
    document.update({name: _shown(fact) for name, fact in error.facts.items()})
    if error.blames:
        told = error.blames[:BLAMES_MAX]
        document["errors"] = [{"pointer": _shown(blame.pointer), "detail": _shown(blame.detail)} for blame in told]
        if len(told) < len(error.blames):
            document["detail"] += f" Of {len(error.blames):,} parts to blame, errors has the first {BLAMES_MAX}."
    return document


def seconds_to_wait(error: RateLimited) -> int:
    """Return what to say as `Retry-After`."""
    return max(1, math.ceil(error.retry_after_seconds))


def _shown(text: str) -> str:
    """Return what may be repeated of a text that may hold what was sent: so much of it, without credentials."""
    return without_credentials(text if len(text) <= TEXT_LENGTH_MAX else text[:TEXT_LENGTH_MAX] + "…")


def problem_response(error: DomainError, request: HTTPConnection, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that tells the refusal."""
    status = status_of(error)
    request.state.refusal = error
    of_status = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_AFTER_SECONDS)}}.get(status, {})
    if status == 426:
        of_status = {"Upgrade": "websocket", "Connection": "Upgrade"}
    if isinstance(error, RateLimited):
        seconds = seconds_to_wait(error)
        of_status = {"Retry-After": str(seconds), "RateLimit": f'"{error.facts["policy"]}";r=0;t={seconds}'}
    document = problem_document(error, request.state.request_id, instance=request.state.path)
    return Response(orjson.dumps(document), status, headers={**of_status, **(headers or {})}, media_type=PROBLEM_TYPE)


def refusal_of(failure: BaseException, request_id: str) -> DomainError:
    """Return what to tell about a failure: a refusal as it is, and little of what is logged as our own."""
    if isinstance(failure, DomainError):
        return failure
    if isinstance(failure, StoreBusy):
        return Overloaded("The database is busy: others had all connections to it, or a lock, for too long. Try again.")
    if isinstance(failure, StoreUnavailable):
        return Unavailable("The database cannot be reached. Nothing was changed; try again.")
    if isinstance(failure, CommitInDoubt):
        return Unavailable(
            "The database was lost while it committed, so this may have been done or not. Try again with the same "
            "idempotency key: it will not be done twice."
        )
    _log.error("the request %s failed", request_id, exc_info=failure)
    return InternalError("The server failed; its log says why, under this request_id.")


def _classes_by_code() -> dict[str, list[type[DomainError]]]:
    """Return the classes of refusals by code, a class before its subclasses."""
    found: dict[str, list[type[DomainError]]] = {}
    waiting = deque(DomainError.__subclasses__())
    while waiting:
        error = waiting.popleft()
        waiting.extend(error.__subclasses__())
        found.setdefault(error.code, []).append(error)
    return found


def documented_errors() -> Iterator[type[DomainError]]:
    """Return the class that explains each code that a client can meet, by code."""
    yield from (classes[0] for _, classes in sorted(_classes_by_code().items()))


def statuses_of(code: str) -> list[int]:
    """Return the statuses that a code comes with: what is missing is one thing in a path, another in a body."""
    return sorted({status_of(error) for error in _classes_by_code()[code]})


def _shown_statuses(code: str) -> str:
    return " or ".join(map(str, statuses_of(code)))


def problem_page(code: str) -> HTMLResponse:
    """Return the page that explains a code. Raises `NotFound`."""
    for error in documented_errors():
        if error.code == code:
            paragraphs = inspect.cleandoc(error.__doc__ or "").split("\n\n")
            body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in paragraphs)
            return _page(error.title, f"<p><code>{code}</code>, status {_shown_statuses(code)}</p>{body}")
    raise NotFound(f"There is no problem {code!r}; /problems lists all.")


def problem_index() -> HTMLResponse:
    """Return the page that lists every code."""
    items = "".join(
        f'<li><a href="/problems/{error.code}">{error.code}</a> ({_shown_statuses(error.code)}): '
        f"{html.escape(error.title)}</li>"
        for error in documented_errors()
    )
    return _page("Problems", f"<ul>{items}</ul>")


def _page(title: str, body: str) -> HTMLResponse:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)} · Partita</title>'
        f"<style>body{{font:1.1rem/1.6 system-ui;max-width:42rem;margin:3rem auto;padding:0 1rem}}</style>"
        f"<h1>{html.escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": page_policy(page)})

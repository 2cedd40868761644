"""Answers that a client has already: it sends their tags in `If-None-Match`, and is told 304 (RFC 9110, 13)."""

import re
from collections.abc import Callable, Coroutine, Mapping
from hashlib import sha256
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

# Whoever asked may keep it, and asks each time whether it is still what they would get.
KEPT_BY_CLIENTS: Final = "private, no-cache"
_BOOKS: Final = "/v1/ledgers/"
_DIGEST_LENGTH: Final = 16
_TAGS: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# What a 304 repeats of the answer that it stands for.
_REPEATED: Final = ("etag", "cache-control", "vary", "link", "content-security-policy", "partita-sequence")

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class NotModified(Exception):
    """The client has what it would get, so that this need not be made. It carries the headers to tell it with."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("not modified")
        self.headers = headers


def tag_of(name: bytes) -> str:
    """Return the strong tag of what has this name: by which there is nothing else."""
    return f'"{name.hex()[: 2 * _DIGEST_LENGTH]}"'


def has_tag(request: Request, tag: str) -> bool:
    """Return whether the client has what has this tag, as it says by naming that."""
    return tag in _TAGS.findall(_sent_tags(request))


def _sent_tags(request: Request) -> str:
    return ",".join(request.headers.getlist("if-none-match")).strip()


def revalidating(handle: Handle) -> Handle:
    """Return a handler of GET that answers 304 to who has the answer already, and says what may be kept of others.

    The version of a resource does not tell of all that its answer shows. So that two answers never have the same tag, a
    digest of the answer is added: `If-Match` goes by the version alone.
    """

    async def handle_again(request: Request) -> Response:
        try:
            response = await handle(request)
        except NotModified as known:
            return Response(status_code=304, headers=_marked(request, known.headers))
        tag = response.headers.get("etag")
        if tag is None or response.status_code != 200:
            return response
        if tag[1:-1].isdecimal():
            tag = f'"{tag[1:-1]}.{sha256(response.body).hexdigest()[:_DIGEST_LENGTH]}"'
        response.headers.update(_marked(request, {"ETag": tag}))
        # An asterisk is for whatever is there, as only this answer shows.
        if not (has_tag(request, tag) or _sent_tags(request) == "*"):
            return response
        repeated = {name: response.headers[name] for name in _REPEATED if name in response.headers}
        return Response(status_code=304, headers=repeated)

    return handle_again


def _marked(request: Request, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers, with leave to keep the answer if it is of a ledger's books, and not of persons."""
    kept = {"Cache-Control": KEPT_BY_CLIENTS} if request.scope["path"].startswith(_BOOKS) else {}
    return {**headers, **kept}

"""Reading a request: its headers, where it came from, and its body, which may be long, or no JSON."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import Scope

from entrypoints.http.problems import PayloadTooLarge, UnsupportedMediaType
from entrypoints.schemas.json_text import parse_json

USER_AGENT_LENGTH_MAX: Final = 200
JSON_TYPES: Final = ("application/json",)
CLIENT_CHECK_SECONDS: Final = 1.0

Result = TypeVar("Result")


def address_of(request: HTTPConnection) -> str | None:
    """Return the IP address that the request came from, as far as that can be trusted."""
    address: str | None = request.scope["state"]["address"]
    return address


def user_agent_of(request: HTTPConnection) -> str | None:
    """Return how the client calls itself, as far as that is kept: 200 characters of it."""
    text = header(request, b"user-agent")
    return None if text is None else text[:USER_AGENT_LENGTH_MAX].replace("\x00", "")


def header(request: HTTPConnection, name: bytes) -> str | None:
    """Return a header's value, or None. On the hot paths, Starlette's own look-up takes several times as long."""
    for of_header, value in request.scope["headers"]:
        if of_header == name:
            return str(value, "latin-1")
    return None


def has_body(request: Request) -> bool:
    """Return whether anything is sent with the request besides its headers."""
    length = header(request, b"content-length")
    return length not in (None, "0") or header(request, b"transfer-encoding") is not None


async def read_body(request: Request, bytes_max: int) -> bytes:
    """Return the body. Raises `PayloadTooLarge`, as soon as that is known."""
    require_no_longer(request, bytes_max)
    chunks: list[bytes] = []
    length = 0
    more_body = True
    while more_body:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message["body"]
        length += len(chunk)
        if length > bytes_max:
            raise too_large(bytes_max)
        chunks.append(chunk)
        more_body = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def require_no_longer(request: HTTPConnection, bytes_max: int) -> None:
    """Return if the request does not say that its body is longer. Raises `PayloadTooLarge`."""
    stated = header(request, b"content-length")
    if stated is not None and stated.isdecimal() and int(stated) > bytes_max:
        raise too_large(bytes_max)


def too_large(bytes_max: int) -> PayloadTooLarge:
    """Return the refusal of a body that is longer than so many bytes."""
    return PayloadTooLarge(f"The body is longer than {bytes_max:,} bytes.")


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what the work returns, after the body was read. Ends it, and raises `ClientDisconnect`, once nobody waits.

    The client may be gone for a second by then.
    """
    working = asyncio.create_task(work)
    try:
        while not working.done():
            await asyncio.wait((working,), timeout=CLIENT_CHECK_SECONDS)
            if not working.done() and await request.is_disconnected():
                raise ClientDisconnect
        return working.result()
    finally:
        if not working.done():
            working.cancel()
            # It gives its connection back before the request ends.
            await asyncio.wait((working,))


async def read_json(request: Request, bytes_max: int) -> Any:
    """Return what the JSON in the body says. Raises `UnsupportedMediaType`, `PayloadTooLarge`, `MalformedJson`."""
    content_type = header(request, b"content-type") or ""
    if content_type not in JSON_TYPES and content_type.partition(";")[0].strip().lower() not in JSON_TYPES:
        what = f"{content_type!a}" if content_type else "no Content-Type"
        raise UnsupportedMediaType(f"This path reads application/json, not {what}.")
    return parse_json(await read_body(request, bytes_max))


class ReadRequest(Request):
    """A request whose body has been read, and what it says parsed."""

    def __init__(self, scope: Scope, document: Any, body: bytes = b"read already") -> None:
        super().__init__(scope)
        self._document = document
        self._bytes = body

    async def body(self) -> bytes:
        """Return something in the place of the body."""
        return self._bytes

    async def json(self) -> Any:
        """Return what it says."""
        return self._document

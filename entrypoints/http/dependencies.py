"""What a route is given: who calls, what they sent, and the services to do it with."""

import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from application.ledger.ports import Command, Outcome
from application.shared.idempotency import IdempotencyKey
from domain.shared.access import Principal
from domain.shared.chain import canonical_json
from domain.shared.errors import NotAuthenticated, PreconditionRequired, ValidationFailed, VersionConflict
from entrypoints.container import Services
from entrypoints.http.problems import PayloadTooLarge, UnsupportedMediaType
from entrypoints.schemas.json_text import parse_json

KEY_DESCRIPTION: Final = "The same key with the same request answers as it did at first, for 30 days."
DRY_RUN_DESCRIPTION: Final = "Say what would happen; change nothing."
IF_MATCH_DESCRIPTION: Final = "The ETag of the resource, as you last read it; `*` for any."

_ETAG = re.compile(r'"([0-9]{1,18})"', re.ASCII)
JSON_TYPES: Final = ("application/json",)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, in which request, and the services."""

    principal: Principal
    request_id: str
    services: Services

    async def do(
        self,
        slug: str,
        command: Command,
        response: Response,
        *,
        dry_run: bool = False,
        key: IdempotencyKey | None = None,
    ) -> Outcome:
        """Do the command, or in a dry run only say what it would do; set the headers that tell of its effect."""
        if dry_run:
            return await self.services.journal.try_out(self.principal, slug, command)
        outcome = await self.services.journal.submit(self.principal, slug, command, request_id=self.request_id, key=key)
        if outcome.sequence is not None:
            response.headers["Partita-Sequence"] = str(outcome.sequence)
        if outcome.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return outcome


async def caller(request: Request) -> Caller:
    """Return who calls. Raises `NotAuthenticated`, `StoreUnavailable`."""
    services: Services = request.app.state.services
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise NotAuthenticated("The request carries no credential: send `Authorization: Bearer <API key>`.")
    principal = await services.authenticate.by_key(key.strip())
    return Caller(principal, request.state.request_id, services)


CallerDependency = Annotated[Caller, Depends(caller)]


async def read_body(request: Request, bytes_max: int) -> bytes:
    """Return the body. Raises `PayloadTooLarge`, as soon as that is known."""
    refusal = PayloadTooLarge(f"The body is longer than {bytes_max:,} bytes.")
    stated = request.headers.get("content-length")
    if stated is not None and stated.isdecimal() and int(stated) > bytes_max:
        raise refusal
    chunks = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > bytes_max:
            raise refusal
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def read_json(request: Request, bytes_max: int) -> Any:
    """Return what the JSON in the body says. Raises `UnsupportedMediaType`, `PayloadTooLarge`, `MalformedJson`."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in JSON_TYPES:
        what = f"{content_type!a}" if content_type else "no Content-Type"
        raise UnsupportedMediaType(f"This path reads application/json, not {what}.")
    return parse_json(await read_body(request, bytes_max))


class StrictRoute(APIRoute):
    """A route whose body is read by `read_json`, so that it is as strict as every other, and as short.

    It is read before FastAPI sees it, which would tell any refusal there as one and the same.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's own handler, over a request that has been read."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            if self.body_field is None:
                return await handle(request)
            # Who is nobody is told so first, whatever they send.
            who = await caller(request)
            document = await read_json(request, who.services.settings.body_bytes_max)
            return await handle(_ReadRequest(request.scope, document))

        return handle_strictly


class _ReadRequest(Request):
    def __init__(self, scope: Scope, document: Any) -> None:
        super().__init__(scope)
        self._document = document

    async def body(self) -> bytes:
        return b"read already"

    async def json(self) -> Any:
        return self._document


class PlainRoute(APIRoute):
    """A route whose endpoint does everything itself: for the hot paths, where FastAPI's help costs too much."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint."""
        return self.endpoint


def idempotency_key(request: Request, document: Any) -> IdempotencyKey | None:
    """Return the key that the client gave this request, or None. Raises `ValidationFailed`."""
    key = request.headers.get("idempotency-key")
    return None if key is None else keyed(key, request.url.path, document)


def keyed(key: str, path: str, document: Any) -> IdempotencyKey:
    """Return the key for the request that sends this document to this path."""
    return IdempotencyKey(key, hashlib.sha256(path.encode() + b"\n" + canonical_json({"": document})).digest())


async def _key_of_form(
    request: Request,
    key: Annotated[str | None, Header(alias="Idempotency-Key", description=KEY_DESCRIPTION, max_length=255)] = None,
) -> IdempotencyKey | None:
    return None if key is None else idempotency_key(request, await request.json())


Key = Annotated[IdempotencyKey | None, Depends(_key_of_form)]
DryRun = Annotated[bool, Query(alias="dry_run", description=DRY_RUN_DESCRIPTION)]


def is_dry_run(request: Request) -> bool:
    """Return whether the client only wants to know what would happen. Raises `ValidationFailed`."""
    value = request.query_params.get("dry_run", "false") if request.scope["query_string"] else "false"
    if value not in ("true", "false"):
        raise ValidationFailed(f"dry_run is true or false, not {value!a}.")
    return value == "true"


def etag(version: int) -> str:
    """Return the ETag of a version of a resource."""
    return f'"{version}"'


def _expected_version(
    if_match: Annotated[str | None, Header(alias="If-Match", description=IF_MATCH_DESCRIPTION)] = None,
) -> int | None:
    if if_match is None:
        raise PreconditionRequired("Send the resource's ETag, as you last read it, in the header If-Match.")
    return version_of(if_match)


def version_of(if_match: str) -> int | None:
    """Return the version that an ETag names, or None for `*`, which any version satisfies.

    Raises `VersionConflict` for a tag that no version ever had.
    """
    if if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise VersionConflict(f"If-Match is {if_match!a}, which is the ETag of no version of this resource.")
    return int(match.group(1))


IfMatch = Annotated[int | None, Depends(_expected_version)]

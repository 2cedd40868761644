"""What a route is given: who calls, what they sent, and the services to do it with."""

import hashlib
import re
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from application.identity.admission import Admission
from application.identity.authenticate import Bearer
from application.identity.refusal_log import Refused
from application.ledger.ports import Command, Outcome
from application.ledger.readers import LedgerReads
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import Seen
from application.shared.telemetry import UNWATCHED, Telemetry
from domain.shared.access import Permission, Principal
from domain.shared.chain import canonical_json
from domain.shared.errors import DomainError, PreconditionRequired, ValidationFailed, VersionConflict
from domain.shared.stable import stable
from entrypoints.container import Services
from entrypoints.http.credentials import credential_of
from entrypoints.http.problems import UnknownParameter, unknown_parameter
from entrypoints.http.reading import ReadRequest, address_of, has_body, header, read_json, user_agent_of
from entrypoints.http.routes import query_parameters
from entrypoints.http.seen import READING, seen_by, settled
from entrypoints.http.validators import revalidating
from entrypoints.schemas.forms import Form, require_bounded
from entrypoints.schemas.hidden import without_credentials

KEY_DESCRIPTION: Final = "The same key with the same request answers as it did at first, for 30 days."
DRY_RUN_DESCRIPTION: Final = "Say what would happen; change nothing."
IF_MATCH_DESCRIPTION: Final = "The ETag of the resource, as you last read it; `*` for any."
_ETAG = re.compile(r'"([0-9]{1,18})(?:\.[0-9a-f]{1,64})?"', re.ASCII)


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, in which request, the services, and what the caller has seen of the ledger in the path."""

    principal: Principal
    request_id: str
    services: Services
    seen: Seen | None = None

    @property
    def reader(self) -> str:
        """Return who alone may go on with the cursors of a list: the organisation."""
        return str(self.principal.organisation_id)

    def read(
        self,
        permission: Permission,
        ledger: str,
        *,
        account: str | None = None,
        concerning: Callable[[LedgerReads], Awaitable[Iterable[str]]] | None = None,
    ) -> AbstractAsyncContextManager[LedgerReads]:
        """Open a view of a ledger as `Work.read` does: as new as the caller has seen it, or the latest."""
        return self.services.ledgers.read(
            self.principal, permission, ledger=ledger, account=account, concerning=concerning, seen=self.seen
        )

    def log_refusal(self, refusal: DomainError, what: str, ledger: str) -> None:
        """Write down what was refused within a request that is answered otherwise."""
        principal = self.principal
        self.services.refusals.note(
            Refused(
                refusal.code,
                self.request_id,
                what,
                None if principal.origin is None else principal.origin.address,
                principal.actor,
                principal.credential,
                principal.organisation_id,
                refusal.facts.get("permission"),
                without_credentials(ledger),
                without_credentials(refusal.detail),
            )
        )

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
        self.tell(outcome, response)
        return outcome

    def tell(self, outcome: Outcome, response: Response) -> None:
        """Set the headers that tell of a command's effect."""
        if outcome.sequence is not None:
            response.headers["Partita-Sequence"] = str(outcome.sequence)
        if outcome.replayed:
            response.headers["Idempotency-Replayed"] = "true"


async def caller(request: Request) -> Caller:
    """Return who calls. Raises `NotAuthenticated`, `PermissionDenied`, `RateLimited`, `StoreUnavailable`."""
    services: Services = request.scope["app"].state.services
    principal = (await bearer(request)).coming_from(address_of(request), user_agent_of(request))
    return Caller(principal, request.scope["state"]["request_id"], services, seen_by(request, services.settings))


async def bearer(request: HTTPConnection) -> Bearer:
    """Return who shows the request's credential, whose request is counted once, however often this is called.

    Raises `NotAuthenticated`, `RateLimited`, `StoreUnavailable`.
    """
    state = request.scope["state"]
    known: Bearer | None = state.get("bearer")
    if known is not None:
        return known
    text, address = credential_of(request), state["address"]
    admission: Admission = request.scope["app"].state.services.admission
    admitted = admission.at_once(text, address) or await admission.admit(text, address)
    state["meters"] += admitted.meters
    state["bearer"] = admitted.bearer
    _tell(request, admitted.bearer)
    return admitted.bearer


def _tell(request: HTTPConnection, who: Bearer) -> None:
    telemetry: Telemetry = request.scope["app"].state.services.telemetry
    if telemetry is UNWATCHED:
        return
    facts: dict[str, str | int] = {}
    if who.principal is not None:
        facts = {"organisation": who.principal.organisation_id, "actor": who.principal.actor}
    ledger = request.scope.get("path_params", {}).get("ledger")
    if ledger is not None:
        facts["ledger"] = without_credentials(str(ledger))
    telemetry.tell(**facts)


CallerDependency = Annotated[Caller, Depends(caller)]
"""Stable since 0.2.0: how routes get who calls."""


@stable(since="0.2.0")
class StrictRoute(APIRoute):
    """A route whose body is read by `read_json`, so that it is as strict as every other, and as short.

    It is read before FastAPI sees it, which would tell any refusal there as one and the same.
    """

    body_bytes_max: int = sys.maxsize

    async def admit(self, request: Request) -> None:
        """Return if the body is to be read at all. Raises `NotAuthenticated`, `StoreUnavailable`."""
        await caller(request)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's own handler, over a request that has been read."""
        handle = super().get_route_handler()
        # A list knows its own, and those of metadata have no end.
        is_list = "parameters" in (self.openapi_extra or {})
        parameters = query_parameters(self.dependant)
        form: Any = None if self.body_field is None else self.body_field.field_info.annotation
        if form is not None and not (isinstance(form, type) and issubclass(form, Form)):
            raise TypeError(f"the body of {self.path} is {form!r}, which is no Form of entrypoints.schemas.forms")

        async def handle_strictly(request: Request) -> Response:
            if not is_list:
                require_known_parameters(request, parameters)
            if self.body_field is None:
                return await handle(request)
            # Who is nobody is told so first, whatever they send.
            await self.admit(request)
            if not self.body_field.field_info.is_required() and not has_body(request):
                return await handle(ReadRequest(request.scope, {}, b""))
            document = await read_json(
                request, min(request.app.state.services.settings.body_bytes_max, self.body_bytes_max)
            )
            if form is not None:
                require_bounded(form, document)
            return await handle(ReadRequest(request.scope, document))

        return revalidating(settled(handle_strictly)) if READING & (self.methods or set()) else handle_strictly


def require_known_parameters(request: HTTPConnection, known: Collection[str]) -> None:
    """Return if the query names only known parameters, each once. Raises `UnknownParameter`."""
    if not request.scope["query_string"]:
        return
    names = [name for name, _ in request.query_params.multi_items()]
    for index, name in enumerate(names):
        if name not in known:
            raise unknown_parameter(name, known)
        if name in names[:index]:
            raise UnknownParameter(f"The parameter {name} is given twice.")


class Answer(Response):
    """JSON that is ready to be sent, with headers that are bytes already: for the hot paths."""

    def __init__(self, body: bytes, status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]


class PlainRoute(APIRoute):
    """A route whose endpoint does everything itself: for the hot paths, where FastAPI's help costs too much."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint."""
        return self.endpoint


def idempotency_key(request: Request, document: Any) -> IdempotencyKey | None:
    """Return the key that the client gave this request, or None. Raises `ValidationFailed`."""
    key = header(request, b"idempotency-key")
    return None if key is None else keyed(key, request.scope["path"], document)


def keyed(key: str, path: str, document: Any) -> IdempotencyKey:
    """Return the key for the request that sends this document to this path."""
    return IdempotencyKey(key, hashlib.sha256(path.encode() + b"\n" + canonical_json({"": document})).digest())


KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key", description=KEY_DESCRIPTION, max_length=255)]


async def _key_of_form(request: Request, key: KeyHeader = None) -> IdempotencyKey | None:
    return None if key is None else idempotency_key(request, await request.json())


Key = Annotated[IdempotencyKey | None, Depends(_key_of_form)]
"""Stable since 0.2.0: how routes with a form get the idempotency key, if one was sent."""


def _boolean(value: Any) -> bool:
    if value not in ("true", "false", False):
        raise PydanticCustomError("boolean", "is true or false, not {given}", {"given": ascii(value)})
    return bool(value == "true")


DryRun = Annotated[bool, Query(alias="dry_run", description=DRY_RUN_DESCRIPTION), BeforeValidator(_boolean)]
"""Stable since 0.2.0: how routes get whether it is to be tried out only."""


def is_dry_run(request: Request) -> bool:
    """Return whether the client only wants to know what would happen; for routes that take no other parameter.

    Raises `UnknownParameter`, `ValidationFailed`.
    """
    if not request.scope["query_string"]:
        return False
    require_known_parameters(request, ("dry_run",))
    value = request.query_params.get("dry_run", "false")
    if value not in ("true", "false"):
        raise ValidationFailed(f"dry_run is true or false, not {value!a}.")
    return bool(value == "true")


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
    """Return the version that an ETag begins with, None for `*`, that is any. Raises `VersionConflict` for no ETag."""
    if if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise VersionConflict(f"If-Match is {if_match!a}, which is the ETag of no version of this resource.")
    return int(match.group(1))


IfMatch = Annotated[int | None, Depends(_expected_version)]

"""The log of a ledger: its events, its signed head, and the proof that nobody changed it."""

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired, cast

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.checkpoint import take_checkpoint
from application.ledger.event_lines import event_line
from application.ledger.event_page import event_page
from application.ledger.followers import EventFilter
from domain.ledger.events import EVENT_TYPES
from domain.shared.access import Permission
from domain.shared.errors import ValidationFailed
from domain.shared.patterns import Pattern
from entrypoints.http.credentials import principal_now
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.openapi import MAY_BE_KNOWN, described_problems
from entrypoints.http.reading import while_connected
from entrypoints.http.server_sent import DESCRIBED_STREAM, ReaderDependency, accepts_stream
from entrypoints.http.v1.as_of_head import tag_unless_known
from entrypoints.http.v1.event_stream import event_stream
from entrypoints.schemas.forms import SEQUENCE_MAX

router = APIRouter(route_class=StrictRoute, tags=["events"])

EVENTS_MAX = 500
After = Annotated[
    int | None, Query(ge=0, le=SEQUENCE_MAX, description="The sequence of the last event that you have; 0 before any.")
]
Limit = Annotated[int, Query(ge=1, le=EVENTS_MAX)]


class EventDocument(TypedDict):
    """An event. `hash` is SHA-256 of the previous hash (32 bytes) and the RFC 8785 form of all other fields."""

    sequence: int
    type: str
    id: str
    recorded_at: str
    actor: str
    request_id: str
    data: dict[str, Any]
    previous_hash: str
    hash: str


class EventsDocument(TypedDict):
    """Events in order; if there are more, ask again `after` the sequence `through`, up to which there are no others."""

    data: list[EventDocument]
    has_more: bool
    through: int


class HeadDocument(TypedDict):
    """An event of a log, by its place and its hash."""

    sequence: int
    hash: str


class VerificationDocument(TypedDict):
    """Whether the log is what was written; if not, the first sequence that is wrong and why."""

    valid: bool
    checked: int
    head: HeadDocument
    first_bad_sequence: NotRequired[int]
    reason: NotRequired[str]


class CheckpointDocument(TypedDict):
    """Where the log stands, signed with Ed25519 over the RFC 8785 form of all other fields."""

    ledger: str
    sequence: int
    hash: str
    recorded_at: str
    signed_at: str
    algorithm: str
    key_id: str
    public_key: str
    signature: str


def _event_filter(
    one_type: Annotated[str | None, Query(alias="type", description="A type of events: `transaction.posted`.")] = None,
    types: Annotated[str | None, Query(alias="type[in]", description="Types, with commas in between.")] = None,
    account: Annotated[str | None, Query(description="A path or a pattern: events that name such an account.")] = None,
) -> EventFilter:
    """Return which events are asked for. Raises `ValidationFailed`."""
    named = [*([] if one_type is None else [one_type]), *([] if types is None else types.split(","))]
    return EventFilter(checked_event_types(named), None if account is None else Pattern(account))


def checked_event_types(named: Sequence[str]) -> frozenset[str]:
    """Return the types of events that are named. Raises `ValidationFailed` where there is none of that name."""
    if unknown := [each for each in named if each not in EVENT_TYPES]:
        raise ValidationFailed(f"There are no events of type {unknown[0]!a}. Known are: {', '.join(EVENT_TYPES)}.")
    return frozenset(named)


def _last_event_id(
    last: Annotated[
        str | None, Header(alias="Last-Event-ID", description="As a client sends it that connects again.")
    ] = None,
) -> int | None:
    """Return the sequence of the last event that a client got before it connected again. Raises `ValidationFailed`."""
    if last is None or last == "":
        return None
    if not (last.isascii() and last.isdecimal()) or int(last) > SEQUENCE_MAX:
        raise ValidationFailed(f"Last-Event-ID is {last[:40]!a}, which is the sequence of no event.")
    return int(last)


@router.get(
    "/ledgers/{ledger}/events",
    summary="List or follow events",
    response_model=EventsDocument,
    responses={
        **described_problems(401, 403, 404, 406, 422),
        **MAY_BE_KNOWN,
        200: DESCRIBED_STREAM,
    },
)
async def list_events(
    ledger: str,
    who: ReaderDependency,
    request: Request,
    wanted: Annotated[EventFilter, Depends(_event_filter)],
    last_event_id: Annotated[int | None, Depends(_last_event_id)],
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """Return the events that follow a sequence, in order: the very bytes that were hashed, and their hashes.

    With `Accept: text/event-stream` the answer goes on: after those that there are come those that happen. Its `id` is
    the sequence, which a client that connects again sends as `Last-Event-ID`; without either, it begins with the next
    event.
    """
    if accepts_stream(request):
        after = after if last_event_id is None else last_event_id
        return await event_stream(who, principal_now(request), ledger, after=after, wanted=wanted)
    headers = {"Vary": "Accept"}
    async with who.read(Permission.EVENTS_READ, ledger) as reads:
        headers["ETag"] = await tag_unless_known(request, who, reads, ledger, headers)
        page = await event_page(reads, ledger, after=after or 0, limit=limit, wanted=wanted)
    lines = b",".join([event_line(event) for event in page.events])
    has_more = b"true" if page.has_more else b"false"
    body = b'{"data":[%b],"has_more":%b,"through":%d}' % (lines, has_more, page.through)
    return Response(body, media_type="application/json", headers=headers)


@router.get("/ledgers/{ledger}/checkpoint", summary="Get a checkpoint", responses=described_problems(401, 403, 404))
async def get_checkpoint(ledger: str, who: CallerDependency) -> CheckpointDocument:
    """Return where the log stands now, signed. Keep it elsewhere: it shows if the log is rewritten."""
    services = who.services
    checkpoint = await take_checkpoint(services.ledgers, services.signer, services.clock, who.principal, ledger)
    return cast(CheckpointDocument, checkpoint.document())


@router.post(
    "/ledgers/{ledger}/verification", summary="Verify the log", responses=described_problems(401, 403, 404, 503)
)
async def post_verification(ledger: str, who: CallerDependency, request: Request) -> VerificationDocument:
    """Follow the chain from the first event to the last, and say whether it holds: about 40 s for a million events.

    A server does this twice at a time, and for as long as someone waits for the answer.
    """
    found = await while_connected(request, who.services.verifications.verify(who.principal, ledger))
    document: VerificationDocument = {
        "valid": found.valid,
        "checked": found.checked,
        "head": {"sequence": found.head.sequence, "hash": found.head.hash.hex()},
    }
    if found.first_bad_sequence is not None and found.reason is not None:
        document["first_bad_sequence"] = found.first_bad_sequence
        document["reason"] = found.reason
    return document

"""The log of a ledger: its events, its signed head, and the proof that nobody changed it."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, Final, NotRequired, cast

from fastapi import APIRouter, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.interchange.log_lines import event_line
from application.ledger.checkpoint import take_checkpoint
from application.ledger.verification import Verification
from domain.shared.access import Permission
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.openapi import described_problems

router = APIRouter(route_class=StrictRoute, tags=["events"])

EVENTS_MAX = 500
CLIENT_CHECK_SECONDS: Final = 1.0
After = Annotated[int, Query(ge=0, le=2**53, description="The sequence of the last event that you have.")]
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
    """Events in order; if there are more, ask again `after` the last sequence."""

    data: list[EventDocument]
    has_more: bool


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


@router.get(
    "/ledgers/{ledger}/events",
    summary="List events",
    response_model=EventsDocument,
    responses=described_problems(401, 403, 404, 422),
)
async def list_events(ledger: str, who: CallerDependency, after: After = 0, limit: Limit = 50) -> Response:
    """Return the events that follow a sequence, in order: the very bytes that were hashed, and their hashes."""
    async with who.services.ledgers.read(who.principal, Permission.EVENTS_READ, ledger=ledger) as reads:
        events = await reads.events.events(ledger, after=after, limit=limit)
        last = (await reads.ledgers.head(ledger)).sequence
    lines = b",".join([event_line(event) for event in events])
    # Fewer than asked for are given where they are long.
    has_more = b"true" if events and events[-1].sequence < last else b"false"
    return Response(b'{"data":[' + lines + b'],"has_more":' + has_more + b"}", media_type="application/json")


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
    found = await _while_connected(request, who.services.verifications.verify(who.principal, ledger))
    document: VerificationDocument = {
        "valid": found.valid,
        "checked": found.checked,
        "head": {"sequence": found.head.sequence, "hash": found.head.hash.hex()},
    }
    if found.first_bad_sequence is not None and found.reason is not None:
        document["first_bad_sequence"] = found.first_bad_sequence
        document["reason"] = found.reason
    return document


async def _while_connected(request: Request, work: Coroutine[Any, Any, Verification]) -> Verification:
    """Return what the work returns. Raises `ClientDisconnect`, and ends it, once the client has left."""
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

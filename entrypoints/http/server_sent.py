"""Server-sent events: answers that go on (the HTML standard's `text/event-stream`), and who may read them."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, ValidationFailed
from entrypoints.http.credentials import redeem_ticket
from entrypoints.http.dependencies import Caller, caller
from entrypoints.http.problems import problem_document, refusal_of

EVENT_STREAM: Final = "text/event-stream"
RECONNECT_MILLISECONDS: Final = 2_000
DESCRIBED_STREAM: Final[dict[str, Any]] = {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}}
SIGN_OF_LIFE: Final = b":\n\n"


def accepts_stream(request: Request) -> bool:
    """Return whether a stream is asked for, which is so where its media type is named."""
    accepted = ",".join(request.headers.getlist("accept")).lower()
    return any(each.partition(";")[0].strip() == EVENT_STREAM for each in accepted.split(","))


async def _reader(
    request: Request,
    ticket: Annotated[str | None, Query(description="For a stream, instead of the header `Authorization`.")] = None,
) -> Caller:
    """Return who reads or follows. Raises as `caller` and `redeem_ticket` do."""
    if ticket is not None:
        if not accepts_stream(request):
            raise ValidationFailed("A ticket is for a stream of events. Send the header `Authorization` here.")
        await redeem_ticket(request)
    return await caller(request)


ReaderDependency = Annotated[Caller, Depends(_reader)]
"""Who calls, also by a ticket in the URL, where a stream is asked for: browsers send no header there."""


def sent_events(frames: AsyncIterator[bytes]) -> Response:
    """Return the answer that goes on with these frames; who loses it comes back after two seconds."""
    return StreamingResponse(
        _begun(frames),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "Vary": "Accept", "X-Accel-Buffering": "no"},
    )


async def _begun(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % RECONNECT_MILLISECONDS
    async for each in frames:
        yield each


def frame(event: str, data: bytes, id: int | None = None) -> bytes:
    """Return an event; `data` is one line, and `id` is what a client that comes back sends as `Last-Event-ID`."""
    named = b"" if id is None else b"id: %d\n" % id
    return b"%bevent: %b\ndata: %b\n\n" % (named, event.encode(), data)


def problem_frame(failure: DomainError | StoreUnavailable, request_id: str) -> bytes:
    """Return why a stream ends here."""
    problem = problem_document(refusal_of(failure, request_id), request_id)
    return frame("problem", orjson.dumps(problem))

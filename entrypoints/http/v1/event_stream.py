"""Events as they come, as server-sent events (the HTML standard's `text/event-stream`)."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

import orjson
from starlette.responses import Response, StreamingResponse

from application.ledger.followers import EventFilter
from application.ledger.following import Delivery
from application.ledger.relay import Who
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError
from entrypoints.http.dependencies import Caller
from entrypoints.http.problems import problem_document, refusal_of

EVENT_STREAM: Final = "text/event-stream"
RECONNECT_MILLISECONDS: Final = 2_000


async def event_stream(who: Caller, again: Who, slug: str, *, after: int | None, wanted: EventFilter) -> Response:
    """Return the answer that goes on: events after a sequence, or from now on. Raises what `Relay.follow` does."""
    following = who.services.relay.follow(again, slug, after=after, wanted=wanted)
    # What is refused is refused as anywhere else, before the stream begins.
    first = await anext(following)
    return StreamingResponse(
        _frames(following, first, who.request_id),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _frames(following: AsyncGenerator[Delivery], first: Delivery, request_id: str) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n%b" % (RECONNECT_MILLISECONDS, _frame(first))
    async with aclosing(following):
        try:
            async for delivery in following:
                yield _frame(delivery)
        except (DomainError, StoreUnavailable) as failure:
            problem = problem_document(refusal_of(failure, request_id), request_id)
            yield b"event: problem\ndata: %b\n\n" % orjson.dumps(problem)


def _frame(delivery: Delivery) -> bytes:
    """Return the events, each with its sequence as its id; without any, where to go on from, which is no event."""
    frames = [
        b"id: %d\nevent: %b\ndata: %b\n\n" % (event.sequence, event.type.encode(), event.line)
        for event in delivery.events
    ]
    if not frames or delivery.through > delivery.events[-1].sequence:
        frames.append(b"id: %d\n\n" % delivery.through)
    return b"".join(frames)

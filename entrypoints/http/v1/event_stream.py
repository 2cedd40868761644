"""Events as they come, as server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.responses import Response

from application.ledger.followers import EventFilter
from application.ledger.following import Stretch
from application.ledger.relay import Who
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError
from entrypoints.http.dependencies import Caller
from entrypoints.http.server_sent import frame, problem_frame, sent_events


async def event_stream(who: Caller, again: Who, slug: str, *, after: int | None, wanted: EventFilter) -> Response:
    """Return the answer that goes on: events after a sequence, or from now on. Raises what `Relay.follow` does."""
    following = who.services.relay.follow(again, slug, after=after, wanted=wanted)
    # What is refused is refused as anywhere else, before the stream begins.
    first = await anext(following)
    return sent_events(_frames(following, first, who.request_id))


async def _frames(following: AsyncGenerator[Stretch], first: Stretch, request_id: str) -> AsyncIterator[bytes]:
    yield _frames_of(first)
    async with aclosing(following):
        try:
            async for stretch in following:
                yield _frames_of(stretch)
        except (DomainError, StoreUnavailable) as failure:
            yield problem_frame(failure, request_id)


def _frames_of(stretch: Stretch) -> bytes:
    """Return the events, each with its sequence as its id; without any, where to go on from, which is no event."""
    frames = [frame(event.type, event.line, event.sequence) for event in stretch.events]
    if not frames or stretch.through > stretch.events[-1].sequence:
        frames.append(b"id: %d\n\n" % stretch.through)
    return b"".join(frames)

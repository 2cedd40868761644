"""What a client has seen of a ledger, which says how old a state it may be shown: the header `Partita-Sequence`.

It says by this header, in a GET of something in a ledger, up to which event it knows the ledger. A copy of the database
that has that event is good enough for it, if it is no more than some seconds behind. Nothing else is read from copies,
unless whoever runs the server allows it for clients that say nothing. The answer says in turn up to where it goes.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from application.shared.ports import Seen
from domain.ledger.ledger import SequenceNotReached
from domain.shared.errors import ValidationFailed
from entrypoints.http.reading import header
from entrypoints.http.validators import NotModified
from entrypoints.settings import Settings

SEEN_DESCRIPTION: Final = (
    "The sequence of the ledger that you have seen, as an answer of it said: what you get is at least that new. It may "
    "then come from a copy of the database, and lack what was done in the last seconds after that sequence."
)
# The methods by which nothing changes.
READING: Final = frozenset({"GET", "HEAD"})
SEEN_MAX: Final = 10**18 - 1
_DIGITS_MAX: Final = len(str(SEEN_MAX))
TOLD_HEADER: Final = "Partita-Sequence"
_HEADER: Final = TOLD_HEADER.lower().encode()
_SEEN: Final = "seen"
_IS_SETTLED: Final = "is_settled"

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def seen_by(request: HTTPConnection, settings: Settings) -> Seen | None:
    """Return what the client has seen of the ledger in the path, or None for one who says nothing of it.

    Raises `ValidationFailed` for a header that is no sequence.
    """
    scope = request.scope
    if scope.get("method") not in READING or "ledger" not in scope.get("path_params", ()):
        return None
    said = header(request, _HEADER)
    if said is None and not settings.replica_staleness_seconds:
        return None
    state, sequence = scope["state"], 0 if said is None else _sequence(said)
    # A copy that does not reach to what is asked for would answer with what it has.
    asked = request.query_params.get("as_of_sequence", "0")
    is_within = asked.isdecimal() and len(asked) <= _DIGITS_MAX and int(asked) <= sequence
    seen = Seen(sequence, is_copy_enough=is_within and bool(settings.replica_urls) and not state.get(_IS_SETTLED))
    state[_SEEN] = seen
    return seen


def settled(handle: Handle) -> Handle:
    """Return a handler of GET that takes no refusal and no failure from a copy: the database itself is asked then.

    A copy may lack just what is asked for, or what a migration has just made, and may go away in the middle.
    """

    async def handle_again(request: Request) -> Response:
        try:
            return await _telling(request, handle)
        except (SequenceNotReached, NotModified, ClientDisconnect):
            # The first is what the database itself has said; the others are none of its business.
            raise
        except Exception:
            state = request.scope["state"]
            seen: Seen | None = state.get(_SEEN)
            if seen is None or not seen.is_copy_enough:
                raise
            state[_IS_SETTLED] = True
        return await _telling(request, handle)

    return handle_again


async def _telling(request: Request, handle: Handle) -> Response:
    """Return the answer, which says up to where the client has seen the ledger by it, as one who sends that wants."""
    try:
        response = await handle(request)
    except NotModified as known:
        raise NotModified({**known.headers, **_told(request)}) from known
    response.headers.update(_told(request))
    return response


def _told(request: Request) -> dict[str, str]:
    seen: Seen | None = request.scope["state"].get(_SEEN)
    return {TOLD_HEADER: str(seen.shown)} if seen is not None and seen.shown else {}


def _sequence(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        raise ValidationFailed(f"Partita-Sequence is the sequence of an event, such as 42, not {text[:40]!a}.")
    return int(text)

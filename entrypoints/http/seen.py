"""What a client has seen of a ledger, which says how old a state it may be shown: the header `Partita-Sequence`.

It says by this header, in a GET of something in a ledger, up to which event it knows the ledger. A copy of the database
that has that event is good enough for it, if it is no more than some seconds behind. Nothing else is read from copies,
unless whoever runs the server allows it for clients that say nothing.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from domain.ledger.ledger import SequenceNotReached
from domain.shared.errors import ValidationFailed
from entrypoints.http.reading import header
from entrypoints.http.validators import NotModified
from entrypoints.settings import Settings

SEEN_DESCRIPTION: Final = (
    "The sequence of the ledger that you have seen, as an answer of it said: what you get is at least that new. It may "
    "then come from a copy of the database, and lack what was done in the last seconds after that sequence."
)
SEEN_MAX: Final = 10**18 - 1
_HEADER: Final = b"partita-sequence"
_MAY_BE_COPIED: Final = "may_be_copied"
_IS_SETTLED: Final = "is_settled"

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def seen_by(request: HTTPConnection, settings: Settings) -> int | None:
    """Return what the client has seen of the ledger in the path, or None where it is to be shown the latest state.

    Raises `ValidationFailed` for a header that is no sequence.
    """
    scope = request.scope
    if scope.get("method") != "GET" or "ledger" not in scope.get("path_params", ()):
        return None
    said = header(request, _HEADER)
    seen = None if said is None else _sequence(said)
    if seen is None and settings.replica_staleness_seconds:
        seen = 0
    asked = request.query_params.get("as_of_sequence", "0")
    # A copy that does not reach to what is asked for would answer with what it has.
    if scope["state"].get(_IS_SETTLED) or (seen is not None and not (asked.isdecimal() and int(asked[:20]) <= seen)):
        seen = None
    scope["state"][_MAY_BE_COPIED] = seen is not None and bool(settings.replica_urls)
    return seen


def settled(handle: Handle) -> Handle:
    """Return a handler of GET that takes no refusal and no failure from a copy: the database itself is asked then.

    A copy may lack just what is asked for, or what a migration has just made, and may go away in the middle.
    """

    async def handle_again(request: Request) -> Response:
        try:
            return await handle(request)
        except (SequenceNotReached, NotModified, ClientDisconnect):
            # The first is what the database itself has said; the others are none of its business.
            raise
        except Exception:
            state = request.scope["state"]
            if not state.get(_MAY_BE_COPIED):
                raise
            state[_IS_SETTLED] = True
        return await handle(request)

    return handle_again


def _sequence(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(SEEN_MAX))):
        raise ValidationFailed(f"Partita-Sequence is the sequence of an event, such as 42, not {text[:40]!a}.")
    return int(text)

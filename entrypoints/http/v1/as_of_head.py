"""Answers that follow from a ledger's log up to an event: whose hash tells whether there is anything new in them."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from application.ledger.readers import LedgerReads
from application.shared.ports import Seen
from domain.shared.access import Permission
from domain.shared.chain import Head
from entrypoints.http.dependencies import Caller
from entrypoints.http.v1.formats import Format, Shown, answer_of, written
from entrypoints.http.validators import NotModified, has_tag, tag_of

_VARIES: Final = {"Vary": "Accept"}


async def tag_unless_known(
    request: Request, who: Caller, reads: LedgerReads, slug: str, headers: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the tag of what this request asks for, if the client has not got that.

    It is for what is read in the same view, follows from the log of the ledger alone, and is the same for everyone in
    the organisation who may have it. Raises `LedgerNotFound`; `NotModified`, with these headers.
    """
    head = await reads.ledgers.head(slug)
    path, query = request.scope["path"], request.scope["query_string"]
    name = who.services.answers.name(who.principal.organisation_id, slug, head.sequence, head.hash, path, query)
    return _unless_known(request, name, headers)


@dataclass(frozen=True, slots=True)
class Asked:
    """A report that is asked for, of a ledger as it was after the event `head`.

    `what` is all else that tells the report from others: with times, and not with days or "now", so that it always
    means the same. It does not depend on who asks.
    """

    ledger: str
    permission: Permission
    head: Head
    what: tuple[object, ...]
    account: str | None = None


Make = Callable[[LedgerReads], Awaitable[Shown]]
"""How a report is made, in a view of its own."""


async def kept_report(request: Request, who: Caller, chosen: Format, asked: Asked, make: Make) -> Response:
    """Return the report, which is kept, or else is made by `make`, once for all who ask.

    That they may ask was found out when the head was read. Raises `NotModified`, and what `make` raises.
    """
    tag = _unless_known(request, _name_of(who, chosen, asked), _VARIES)
    response = answer_of(chosen, await kept_bytes(who, chosen, asked, make))
    response.headers["ETag"] = tag
    return response


async def kept_bytes(who: Caller, chosen: Format, asked: Asked, make: Make) -> bytes:
    """Return the report as `kept_report` does, without an answer around it."""

    async def made(seen: Seen | None) -> Shown | None:
        async with who.services.ledgers.read(
            who.principal, asked.permission, ledger=asked.ledger, account=asked.account, seen=seen
        ) as reads:
            if seen is not None:
                there = await reads.ledgers.head(asked.ledger, up_to=asked.head.sequence)
                if there.hash != asked.head.hash:
                    return None
            return await make(reads)

    async def work_out() -> bytes:
        # It is kept as what the ledger was after that event, for all: a copy will do that has it, and no other one. The
        # failure of a copy is none of those who wait for it as well.
        shown = None
        if who.seen is not None and who.seen.is_copy_enough:
            with suppress(Exception):
                shown = await made(Seen(asked.head.sequence))
        if shown is None:
            shown = await made(None)
        assert shown is not None, "the database itself has what was read from it, or refuses"
        return await written(chosen, shown)

    return await who.services.answers.get(_name_of(who, chosen, asked), work_out)


def _name_of(who: Caller, chosen: Format, asked: Asked) -> bytes:
    of_ledger = (who.principal.organisation_id, asked.ledger, asked.head.sequence, asked.head.hash, asked.account)
    return who.services.answers.name(*of_ledger, chosen.value, *asked.what)


def _unless_known(request: Request, name: bytes, headers: Mapping[str, str]) -> str:
    """Return the tag of what has this name. Raises `NotModified`, with these headers, if the client has it."""
    tag = tag_of(name)
    if has_tag(request, tag):
        raise NotModified({**headers, "ETag": tag})
    return tag

"""Exports: a ledger as a file, for other programs or for another Partita."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from application.interchange.export_ledger import export_ledger, last_sequence
from application.interchange.formats import FORMATS, ExportFormat, file_type_of
from entrypoints.http.credentials import principal_now
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.openapi import described_problems
from entrypoints.http.time_travel import AsOfSequence

router = APIRouter(route_class=StrictRoute, tags=["exports"])

_AS_A_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file. Where it breaks off without an end, something went wrong on the way: ask again.",
        "content": {each.media_type.partition(";")[0]: {"schema": {"type": "string"}} for each in FORMATS.values()},
    }
}


@router.get(
    "/ledgers/{ledger}/export",
    summary="Export a ledger",
    response_class=StreamingResponse,
    responses=described_problems(401, 403, 404, 422) | _AS_A_FILE,
)
async def export(
    ledger: str,
    who: CallerDependency,
    request: Request,
    written_as: Annotated[
        str,
        Query(
            alias="format",
            description="The log as lines of JSON; a journal of hledger and ledger; a file of beancount; CSV, a line "
            "for each entry; or one of an extension.",
            examples=[each.value for each in ExportFormat],
        ),
    ] = ExportFormat.NDJSON.value,
    sequence: AsOfSequence = None,
) -> Response:
    """Return the whole ledger as a file, as it was after an event; however long it is, it is written as it is read.

    It takes `events:read` for all accounts of the ledger. What hledger, ledger and beancount read states the balances
    at its end, and these programs check them.
    """
    file_type = file_type_of(written_as, who.services.extensions.export_formats)
    work = who.services.ledgers
    until = await last_sequence(work, who.principal, ledger, sequence)
    lasting = LastingPrincipal(who.principal, principal_now(request))
    parts = export_ledger(work, lasting.now, ledger, file_type.begin(), until=until)
    # The first one is read before the answer begins: a refusal is a problem, and no broken file. A later one cuts the
    # answer off, so that nobody takes for whole what is not.
    first = await anext(parts)
    name = f"{ledger}-{until}.{file_type.suffix}"
    return StreamingResponse(
        _all(first, parts),
        media_type=file_type.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _all(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in others:
        yield part

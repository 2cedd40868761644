"""The audit log: who did what, when, from where and with which credential; as pages, or as a file."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NotRequired, cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from application.interchange.audit_lines import (
    csv_header,
    entries_as_csv,
    entries_as_json,
    entry_document,
    read_audit_log,
)
from application.interchange.csv_lines import CSV_MEDIA_TYPE
from application.ledger.audit_reader import AUDIT_SORT, AuditEntry, AuditFilter
from application.ledger.spans import Span
from domain.shared.access import Permission
from entrypoints.http.credentials import principal_now
from entrypoints.http.dependencies import CallerDependency, StrictRoute
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListQuery, ListSpec
from entrypoints.http.problems import UnknownParameter
from entrypoints.http.v1.formats import accepted_type

router = APIRouter(route_class=StrictRoute, tags=["audit-log"])

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
AUDIT_LOG: Final = ListSpec(
    sorts=(AUDIT_SORT,),
    fields=(
        Field("actor", ("", "in"), "Who did it: `usr_…`, `key_…`, `cli_…` or `system:…`."),
        Field("type", ("", "in", "prefix"), "What was done: `account.changed`; by its beginning, `account.`."),
        Field("ledger", ("", "in", "exists"), "In which ledger; with `exists`, whether in any, or in none."),
        Field("request_id", description="In which request."),
        Field("at", ("gt", "gte", "lt", "lte"), is_time=True),
    ),
)
_AS_A_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A page; or, by the header `Accept`, all entries as lines of JSON or as CSV of RFC 4180.",
        "content": {each: {"schema": {"type": "string"}} for each in (NDJSON, CSV)},
    }
}


class AuditEntryDocument(TypedDict):
    """An event, in whose log it stands (`ledger` is null for the organisation's own), and where it came from.

    `credential`, `address` and `user_agent` are null where that is not known, or erased. `data` is what the event says;
    what a change replaced, and by what, is repeated as `before` and `after`.
    """

    at: str
    ledger: str | None
    sequence: int
    id: str
    type: str
    actor: str
    request_id: str
    credential: str | None
    address: str | None
    user_agent: str | None
    data: dict[str, Any]
    before: NotRequired[Any]
    after: NotRequired[Any]


def _shown(entry: AuditEntry) -> AuditEntryDocument:
    return cast(AuditEntryDocument, entry_document(entry))


@router.get(
    "/audit-log",
    summary="Read the audit log",
    response_model=ListDocument[AuditEntryDocument],
    response_model_exclude_unset=True,
    openapi_extra=described_list(AUDIT_LOG),
    responses=described_problems(400, 401, 403, 406) | _AS_A_FILE,
)
async def read_entries(who: CallerDependency, request: Request, response: Response) -> Any:
    """Return who did what in the organisation and all of its ledgers, the newest first.

    With `Accept: application/x-ndjson` or `text/csv` it is one long answer, up to the time it is asked for.
    """
    query = AUDIT_LOG.read(request, who)
    where = AuditFilter(
        actor=query.values("actor"),
        type=query.values("type"),
        type_prefix=query.value("type[prefix]", str),
        ledger=query.values("ledger"),
        of_ledger=query.boolean("ledger[exists]"),
        request_id=query.value("request_id", str),
        at=query.span("at", Span),
    )
    chosen = accepted_type(request, (JSON, NDJSON, CSV))
    response.headers["Vary"] = "Accept"
    page = query.page
    if chosen == JSON:
        async with who.services.ledgers.read(who.principal, Permission.AUDIT_LOG_READ) as reads:
            found = await reads.audit.entries(where, page)
        return query.document(found, _shown, response)
    _require_no_page(query)
    lasting = LastingPrincipal(who.principal, principal_now(request))
    chunks = read_audit_log(who.services.ledgers, lasting.now, where, until=who.services.clock.now())
    # The first one is read before the answer begins: a refusal is a problem, and no broken file. A later one cuts the
    # answer off, so that nobody takes for whole what is not.
    first = await anext(chunks)
    headers = {"Vary": "Accept"}
    if chosen == CSV:
        return StreamingResponse(_csv(first, chunks), media_type=CSV_MEDIA_TYPE, headers=headers)
    return StreamingResponse(_ndjson(first, chunks), media_type=NDJSON, headers=headers)


def _require_no_page(query: ListQuery) -> None:
    for name in ("limit", "cursor"):
        if name in query.given:
            raise UnknownParameter(f"A file has no pages: leave out the parameter {name}.")


async def _ndjson(first: Sequence[AuditEntry], chunks: AsyncIterator[Sequence[AuditEntry]]) -> AsyncIterator[bytes]:
    yield entries_as_json(first)
    async for chunk in chunks:
        yield entries_as_json(chunk)


async def _csv(first: Sequence[AuditEntry], chunks: AsyncIterator[Sequence[AuditEntry]]) -> AsyncIterator[bytes]:
    yield csv_header() + entries_as_csv(first)
    async for chunk in chunks:
        yield entries_as_csv(chunk)

"""Many transactions in one request: as a JSON list, all or none or each by itself; or as a stream of lines."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.ports import Outcome
from application.ledger.post_atomically import PostAtomically
from domain.ledger.events import TransactionPosted
from entrypoints.http.dependencies import Caller, PlainRoute, caller, idempotency_key, is_dry_run
from entrypoints.http.openapi import described_body, described_problems
from entrypoints.http.reading import read_json
from entrypoints.http.v1.bulk_items import ResultDocument, bulk_key, post_item, posted_result, result_document
from entrypoints.http.v1.bulk_stream import NDJSON, StreamedBulk
from entrypoints.schemas.forms import read_each, read_form
from entrypoints.schemas.transactions import BulkIn, transaction_draft

router = APIRouter(route_class=PlainRoute, tags=["transactions"])


class BulkDocument(TypedDict):
    """One result for each transaction, in order."""

    results: list[ResultDocument]


@router.post(
    "/ledgers/{ledger}/transactions/bulk",
    summary="Post many transactions",
    response_model=BulkDocument,
    openapi_extra=described_body(BulkIn, path=("ledger",), takes_key=True, takes_dry_run=True, other_types=(NDJSON,)),
    responses={
        200: {"content": {NDJSON: {"schema": {"type": "string", "description": "One `ResultDocument` a line."}}}},
        **described_problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
)
async def post_bulk(request: Request) -> Response:
    """Post up to 1,000 transactions of a JSON list; or any number as `application/x-ndjson`, one a line.

    A list is posted atomically, all or none, if it says so; else each transaction is answered by itself, as each line
    of a stream is. The answers to a stream come while it is still being sent, one a line, in order; a client may also
    send everything first and read afterwards. An `Idempotency-Key` K, of up to 235 characters, gives the transaction at
    index i the key K/i.
    """
    who = await caller(request)
    slug: str = request.path_params["ledger"]
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == NDJSON:
        return StreamedBulk(request, who, slug, is_dry_run=is_dry_run(request))
    document = await read_json(request, who.services.settings.bulk_bytes_max)
    bulk = read_form(BulkIn, document)
    if bulk.atomic:
        outcome = await _post_atomically(request, who, slug, document, bulk.transactions)
        outcomes: Sequence[Outcome | BaseException] = [outcome]
        posted = [applied for applied in outcome.applied if isinstance(applied.event, TransactionPosted)]
        results = [posted_result(index, applied) for index, applied in enumerate(posted)]
    else:
        outcomes = await _post_each(request, who, slug, bulk.transactions)
        results = [result_document(who, slug, index, outcome) for index, outcome in enumerate(outcomes)]
    return Response(
        orjson.dumps(BulkDocument(results=results)), 200, headers=_headers(outcomes), media_type="application/json"
    )


def _headers(outcomes: Sequence[Outcome | BaseException]) -> dict[str, str]:
    """Return what tells of the effect: the last sequence of all that was posted, and whether all of it was before."""
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    sequences = [outcome.sequence for outcome in accepted if outcome.sequence is not None]
    headers = {"Partita-Sequence": str(max(sequences))} if sequences else {}
    if accepted and all(outcome.replayed for outcome in accepted):
        headers["Idempotency-Replayed"] = "true"
    return headers


async def _post_atomically(
    request: Request, who: Caller, slug: str, document: Any, transactions: Sequence[Any]
) -> Outcome:
    ids = who.services.ids
    command = PostAtomically(
        read_each(transactions, lambda each: transaction_draft(each, ids.new("txn")), of="transactions")
    )
    journal = who.services.journal
    if is_dry_run(request):
        return await journal.try_out(who.principal, slug, command)
    key = idempotency_key(request, document)
    return await journal.submit(who.principal, slug, command, request_id=who.request_id, key=key)


async def _post_each(
    request: Request, who: Caller, slug: str, transactions: Sequence[Any]
) -> Sequence[Outcome | BaseException]:
    dry_run = is_dry_run(request)
    key = bulk_key(request)
    path = request.url.path.removesuffix("/bulk")
    answers = []
    for index, transaction in enumerate(transactions):
        item_key = None if key is None else (f"{key}/{index}", path)
        answers.append(post_item(who, slug, transaction, item_key, dry_run=dry_run))
        if dry_run:
            await asyncio.wait(answers[-1:])
    return await asyncio.gather(*answers, return_exceptions=True)

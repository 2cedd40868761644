"""Transactions: post, get, list, change their metadata."""

import orjson
from fastapi import APIRouter
from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from application.ledger.change_transaction import ChangeTransaction
from application.ledger.permitted import of_transaction
from application.ledger.ports import Outcome
from application.ledger.post_transaction import PostTransaction
from application.ledger.readers import TransactionFilter
from application.ledger.spans import Span
from domain.shared.access import Permission
from domain.shared.patterns import Pattern
from entrypoints.http.dependencies import (
    Answer,
    Caller,
    CallerDependency,
    DryRun,
    IfMatch,
    PlainRoute,
    StrictRoute,
    caller,
    etag,
    idempotency_key,
    is_dry_run,
)
from entrypoints.http.openapi import MAY_BE_KNOWN, described_body, described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListQuery, ListSpec
from entrypoints.http.reading import read_json
from entrypoints.http.v1.as_of_head import tag_unless_known
from entrypoints.http.v1.transaction_documents import TransactionDocument, posted_document, view_document
from entrypoints.schemas.forms import Form
from entrypoints.schemas.transactions import MetadataChanges, TransactionIn, transaction_draft

hot = APIRouter(route_class=PlainRoute, tags=["transactions"])
router = APIRouter(route_class=StrictRoute, tags=["transactions"])

TRANSACTIONS = ListSpec(
    sorts=("-sequence", "sequence", "recorded_at", "-recorded_at", "effective_at", "-effective_at"),
    fields=(
        Field("account", description="An account's path, or a pattern: `users:*:wallet`."),
        Field("asset", description="An asset's code."),
        Field("reference", ("", "in", "prefix", "exists")),
        Field("effective_at", ("gt", "gte", "lt", "lte"), is_time=True),
        Field("recorded_at", ("gt", "gte", "lt", "lte"), is_time=True),
        Field("sequence", ("gt", "gte", "lt", "lte"), is_integer=True),
        Field("hold", description="The id of the hold that was captured."),
        Field("reverses", description="The id of the transaction that was reversed."),
    ),
    has_metadata=True,
)


class TransactionChange(Form):
    """What may change about a transaction."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"metadata": {"order": "1001", "draft": None}}]})

    metadata: MetadataChanges


@hot.post(
    "/ledgers/{ledger}/transactions",
    status_code=201,
    summary="Post a transaction",
    response_model=TransactionDocument,
    openapi_extra=described_body(TransactionIn, path=("ledger",), takes_key=True, takes_dry_run=True),
    responses=described_problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
)
async def post_transaction(request: Request) -> Response:
    """Post a transaction: all of its entries, or none. It is durable when the answer comes."""
    who = await caller(request)
    services = who.services
    document = await read_json(request, services.settings.body_bytes_max)
    command = PostTransaction(transaction_draft(document, services.ids.new("txn")))
    slug = request.path_params["ledger"]
    if is_dry_run(request):
        return posted_response(await services.journal.try_out(who.principal, slug, command), slug)
    key = idempotency_key(request, document)
    outcome = await services.journal.submit(who.principal, slug, command, request_id=who.request_id, key=key)
    return posted_response(outcome, slug)


def posted_response(outcome: Outcome, slug: str) -> Response:
    """Return the answer to a posting: 201 with the transaction, 200 where it would have been one."""
    document = posted_document(outcome.applied[-1])
    body = orjson.dumps(document)
    if document["sequence"] is None:
        return Answer(body, 200)
    headers = [
        (b"location", f"/v1/ledgers/{slug}/transactions/{document['id']}".encode()),
        (b"etag", etag(document["version"]).encode()),
        (b"partita-sequence", b"%d" % document["sequence"]),
    ]
    if outcome.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    return Answer(body, 201, headers)


@router.get(
    "/ledgers/{ledger}/transactions/{id}",
    summary="Get a transaction",
    responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN},
)
async def get_transaction(ledger: str, id: str, who: CallerDependency, response: Response) -> TransactionDocument:
    """Return one transaction, with the balance that each entry left on its account."""
    return await _stored(ledger, id, who, response, Permission.TRANSACTIONS_READ)


async def _stored(ledger: str, id: str, who: Caller, response: Response, permission: Permission) -> TransactionDocument:
    async with who.read(permission, ledger, concerning=of_transaction(ledger, id)) as reads:
        view = await reads.transactions.transaction(ledger, id)
    response.headers["ETag"] = etag(view.version)
    return view_document(view)


@router.get(
    "/ledgers/{ledger}/transactions",
    summary="List transactions",
    openapi_extra=described_list(TRANSACTIONS),
    responses={**described_problems(400, 401, 403, 404), **MAY_BE_KNOWN},
)
async def list_transactions(
    ledger: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[TransactionDocument]:
    """Return a page of transactions, the latest first unless sorted otherwise."""
    query = TRANSACTIONS.read(request, who)
    where = transaction_filter(query)
    async with who.read(Permission.TRANSACTIONS_READ, ledger) as reads:
        response.headers["ETag"] = await tag_unless_known(request, who, reads, ledger)
        page = await reads.transactions.transactions(ledger, where, query.page)
    return query.document(page, view_document, response)


def transaction_filter(query: ListQuery) -> TransactionFilter:
    """Return which transactions a query asks for. Raises `ValidationFailed`."""
    return TransactionFilter(
        account=query.value("account", Pattern),
        asset=query.value("asset", str),
        reference=query.values("reference"),
        reference_prefix=query.value("reference[prefix]", str),
        has_reference=query.boolean("reference[exists]"),
        metadata=query.metadata,
        effective_at=query.span("effective_at", Span),
        recorded_at=query.span("recorded_at", Span),
        sequence=query.span("sequence", Span),
        hold=query.value("hold", str),
        reverses=query.value("reverses", str),
    )


@router.patch(
    "/ledgers/{ledger}/transactions/{id}",
    summary="Change a transaction's metadata",
    responses=described_problems(400, 401, 403, 404, 412, 422, 428),
)
async def change_transaction(
    ledger: str,
    id: str,
    change: TransactionChange,
    version: IfMatch,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> TransactionDocument:
    """Lay metadata over the transaction's own. Its entries never change; to undo them, post others."""
    command = ChangeTransaction(id, version, change.metadata)
    outcome = await who.do(ledger, command, response, dry_run=dry_run)
    # Who may change a transaction may see what came of it.
    document = await _stored(ledger, id, who, response, command.permission)
    if outcome.book is not None:
        changed = outcome.book.transaction(id)
        document = {**document, "metadata": changed.metadata, "version": changed.version}
    return document

"""Reversals: undo a transaction, or a part of it; several at once."""

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.reverse_transactions import ReverseAtomically, ReverseTransaction
from entrypoints.http.dependencies import CallerDependency, DryRun, Key, StrictRoute
from entrypoints.http.openapi import described_forms, described_problems
from entrypoints.http.v1.transaction_documents import TransactionDocument, posted_document
from entrypoints.http.v1.transactions import posted_response
from entrypoints.schemas.forms import read_each
from entrypoints.schemas.reversals import ReversalIn, ReversalOfIn, ReversalsIn, reversal_draft, reversal_of

router = APIRouter(route_class=StrictRoute, tags=["transactions"])

described_forms(ReversalOfIn)


class ReversalDocument(TypedDict):
    """What came of one reversal."""

    index: int
    transaction: TransactionDocument


class ReversalsDocument(TypedDict):
    """One result for each reversal, in order."""

    results: list[ReversalDocument]


@router.post(
    "/ledgers/{ledger}/transactions/{id}/reverse",
    status_code=201,
    summary="Reverse a transaction",
    response_model=TransactionDocument,
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def reverse_transaction(
    ledger: str,
    id: str,
    reversal: ReversalIn,
    key: Key,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> Response:
    """Post a transaction that undoes another, or a part of it; return it. Its own entries are the other way round."""
    command = ReverseTransaction(reversal_draft(reversal, id, who.services.ids.new("txn")), reversal.force)
    return posted_response(await who.do(ledger, command, response, dry_run=dry_run, key=key), ledger)


@router.post(
    "/ledgers/{ledger}/transactions/reverse",
    summary="Reverse several transactions",
    responses=described_problems(400, 401, 403, 404, 409, 422, 503),
)
async def reverse_transactions(
    ledger: str, reversals: ReversalsIn, key: Key, who: CallerDependency, response: Response, dry_run: DryRun = False
) -> ReversalsDocument:
    """Reverse up to 1,000 transactions in order, each as the ones before it leave the books; or none of them."""
    ids = who.services.ids
    drafts = read_each(reversals.reversals, lambda each: reversal_of(each, ids.new("txn")), of="reversals")
    command = ReverseAtomically(drafts, reversals.force)
    outcome = await who.do(ledger, command, response, dry_run=dry_run, key=key)
    # Each reversal has one event.
    return {
        "results": [
            {"index": index, "transaction": posted_document(applied)} for index, applied in enumerate(outcome.applied)
        ]
    }

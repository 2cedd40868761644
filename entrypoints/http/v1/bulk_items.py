"""One transaction of a bulk: how it is posted, and how its answer is told."""

import asyncio
from typing import Any, Final, NotRequired

from starlette.requests import Request
from typing_extensions import TypedDict

from application.ledger.ports import Applied, Outcome
from application.ledger.post_transaction import PostTransaction
from domain.shared.errors import DomainError, ErrorKind
from domain.shared.text import checked_name
from entrypoints.http.dependencies import Caller, keyed
from entrypoints.http.problems import problem_document, refusal_of, status_of
from entrypoints.http.v1.transaction_documents import TransactionDocument, posted_document
from entrypoints.schemas.transactions import transaction_draft

# So that what is added to it for the last transaction of the longest stream still fits.
BULK_KEY_LENGTH_MAX: Final = 235


class ResultDocument(TypedDict):
    """What became of one transaction of a bulk: it was posted (201; 200 in a dry run), or there is a problem."""

    index: int
    status: int
    transaction: NotRequired[TransactionDocument]
    problem: NotRequired[dict[str, Any]]


def bulk_key(request: Request) -> str | None:
    """Return the key that the client gave a bulk whose transactions get their own from it, or None.

    Raises `ValidationFailed`.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    return checked_name(key, what="The Idempotency-Key of a bulk", length_max=BULK_KEY_LENGTH_MAX)


def post_item(
    who: Caller, slug: str, transaction: Any, key: tuple[str, str] | None, *, dry_run: bool
) -> asyncio.Future[Outcome]:
    """Return where the answer to one transaction of a bulk will be; a refusal before posting is there already."""
    try:
        command = PostTransaction(transaction_draft(transaction, who.services.ids.new("txn")))
        journal = who.services.journal
        if dry_run:
            return asyncio.ensure_future(journal.try_out(who.principal, slug, command))
        return journal.enqueue(
            who.principal,
            slug,
            command,
            request_id=who.request_id,
            key=None if key is None else keyed(*key, transaction),
            is_bulk=True,
        )
    except DomainError as refusal:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        answer.set_exception(refusal)
        return answer


def posted_result(index: int, posted: Applied) -> ResultDocument:
    """Return the result for a transaction that was posted, or would be."""
    return {"index": index, "status": 201 if posted.recorded else 200, "transaction": posted_document(posted)}


def result_document(who: Caller, slug: str, index: int, outcome: Outcome | BaseException) -> ResultDocument:
    """Return what became of the transaction at an index; the log is told of a permission that was missing."""
    if isinstance(outcome, Outcome):
        return posted_result(index, outcome.applied[-1])
    refusal = refusal_of(outcome, who.request_id)
    if refusal.kind is ErrorKind.FORBIDDEN:
        who.log_refusal(refusal, "a transaction of a bulk", slug)
    return {"index": index, "status": status_of(refusal), "problem": problem_document(refusal, who.request_id)}

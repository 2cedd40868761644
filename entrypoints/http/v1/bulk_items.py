"""One transaction of a bulk: how it is posted, and how its answer is told."""

import asyncio
from typing import Any, NotRequired

from typing_extensions import TypedDict

from application.ledger.ports import Outcome
from application.ledger.post_transaction import PostTransaction
from domain.shared.errors import DomainError
from entrypoints.http.dependencies import Caller, keyed
from entrypoints.http.problems import problem_document, refusal_of, status_of
from entrypoints.http.v1.transaction_documents import TransactionDocument, posted_document
from entrypoints.schemas.transactions import transaction_draft


class ResultDocument(TypedDict):
    """What became of one transaction of a bulk: it was posted (201), or there is a problem."""

    index: int
    status: int
    transaction: NotRequired[TransactionDocument]
    problem: NotRequired[dict[str, Any]]


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


def result_document(index: int, outcome: Outcome | BaseException, request_id: str) -> ResultDocument:
    """Return what became of the transaction at an index."""
    if isinstance(outcome, Outcome):
        return {"index": index, "status": 201, "transaction": posted_document(outcome.applied[-1])}
    refusal = refusal_of(outcome)
    return {"index": index, "status": status_of(refusal), "problem": problem_document(refusal, request_id)}

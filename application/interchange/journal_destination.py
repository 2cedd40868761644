"""Transactions go straight to a ledger of this server's."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from application.interchange.import_transactions import Refusal, TransactionLine
from application.ledger.journal import Journal
from application.ledger.ports import Outcome
from application.ledger.post_transaction import PostTransaction
from application.shared.ports import Ids
from domain.ledger.ledger import LedgerNotFound
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Principal
from domain.shared.errors import DomainError, ErrorKind

DraftOf = Callable[[Any, str], TransactionDraft]
"""Makes a draft, with the id that was drawn for it, from a JSON document; or raises a `DomainError`."""

_STOPPING: Final = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.FORBIDDEN, ErrorKind.NOT_AUTHENTICATED})


class JournalDestination:
    """Posts through the journal, whose groups stay full while the next lines are read."""

    batch_max = 500
    in_flight_max = 6

    def __init__(
        self, journal: Journal, ids: Ids, principal: Principal, slug: str, draft_of: DraftOf, *, request_id: str
    ) -> None:
        self._journal = journal
        self._ids = ids
        self._principal = principal
        self._slug = slug
        self._draft_of = draft_of
        self._request_id = request_id

    async def post(self, lines: Sequence[TransactionLine]) -> Sequence[Refusal | None]:
        """Post in order; return for each None or why not. Raises what is a bug."""
        answers = await asyncio.gather(*[self._answer(line) for line in lines], return_exceptions=True)
        return [refusal_of(answer) for answer in answers]

    def _answer(self, line: TransactionLine) -> asyncio.Future[Outcome]:
        try:
            command = PostTransaction(self._draft_of(line.document, self._ids.new("txn")))
            return self._journal.enqueue(
                self._principal, self._slug, command, is_bulk=True, request_id=self._request_id
            )
        except DomainError as refusal:
            answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            answer.set_exception(refusal)
            return answer


def refusal_of(answer: Outcome | BaseException) -> Refusal | None:
    """Return why a command was refused, or None if it was done. Raises what is a bug."""
    if isinstance(answer, Outcome):
        return None
    if isinstance(answer, DomainError):
        return Refusal(answer.code, answer.detail, stops(answer), answer.facts.get("taken_by"))
    raise answer


def stops(answer: BaseException | None) -> bool:
    """Return whether it makes no sense to go on with other lines after it."""
    return isinstance(answer, LedgerNotFound) or (isinstance(answer, DomainError) and answer.kind in _STOPPING)

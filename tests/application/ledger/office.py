"""A journal with everything around it, and short ways to use it."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.ledger.journal import Journal
from application.ledger.ports import Command, LedgerAddress, Outcome
from application.ledger.post_transaction import PostTransaction
from application.shared.idempotency import IdempotencyKey
from domain.ledger.balance import NOTHING, Balance
from domain.ledger.events import LedgerCreated
from domain.ledger.scope import Scope
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Principal
from domain.shared.chain import Head, follow
from tests.application.ledger.wayward_books import WaywardBooks
from tests.builders import AUTHOR, principal

MAIN = LedgerAddress(1, "main")
OTHER = LedgerAddress(1, "other")
Answer = Outcome | BaseException
Refusal = TypeVar("Refusal", bound=BaseException)


class Office:
    """One organisation with two ledgers, `main` and `other`, and a journal that writes to them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ids = CountedIds()
        self.kept = MemoryBooks(self.clock, self.ids)
        self.books = WaywardBooks(self.kept)
        self.journal = self.another_journal()
        for address in (MAIN, OTHER):
            self.kept.create(address, LedgerCreated(address.slug.title(), "UTC"), AUTHOR)

    def another_journal(self) -> Journal:
        """A journal that writes to the same books, as another process or the next one does."""
        return Journal(self.books, self.clock, self.ids, retry_delays_seconds=(0, 0, 0))

    async def submit(
        self,
        command: Command,
        *,
        key: IdempotencyKey | None = None,
        is_bulk: bool = False,
        by: Principal | None = None,
        slug: str = "main",
    ) -> Outcome:
        """Submit one command, by someone who may do everything."""
        if is_bulk:
            return await self.journal.enqueue(
                by or principal(), slug, command, request_id="req_1", key=key, is_bulk=True
            )
        return await self.journal.submit(by or principal(), slug, command, request_id="req_1", key=key)

    def post(
        self, draft: TransactionDraft, *, key: IdempotencyKey | None = None, is_bulk: bool = False, slug: str = "main"
    ) -> "asyncio.Task[Outcome]":
        """Begin to post, as a caller of its own."""
        return asyncio.create_task(self.submit(PostTransaction(draft), key=key, is_bulk=is_bulk, slug=slug))

    async def post_together(self, *drafts: TransactionDraft) -> list[Answer]:
        """Let each be posted by a caller of its own, all at once, and return every answer or refusal."""
        return await asyncio.gather(*map(self.post, drafts), return_exceptions=True)

    async def submit_together(self, *commands: Command) -> list[Answer]:
        """Let each be submitted by a caller of its own, all at once, and return every answer or refusal."""
        return await asyncio.gather(*map(self.submit, commands), return_exceptions=True)

    async def balance(self, account: str, asset: str = "EUR", ledger: LedgerAddress = MAIN) -> Balance:
        """Return what is kept of an account."""
        async with self.kept.snapshot(ledger) as snapshot:
            book = await snapshot.load(Scope(balances=[(account, asset)]))
        return book.balances.get((account, asset), NOTHING)

    def sequence(self, ledger: LedgerAddress = MAIN) -> int:
        """Verify the ledger's whole log, and return its last sequence."""
        head = Head()
        for content, hash in self.kept.log(ledger):
            head = follow(head, content, hash)
        return head.sequence

    def group_sizes(self) -> list[int]:
        """Return how many commands each group wrote."""
        return [len(outcomes) for outcomes in self.books.appended]


async def turns(count: int = 20) -> None:
    """Let everyone who is ready go on for a while."""
    for _ in range(count):
        await asyncio.sleep(0)


def done(answer: Answer) -> Outcome:
    """The answer, which was no refusal."""
    assert isinstance(answer, Outcome), answer
    return answer


def refused(answer: Answer, refusal: type[Refusal]) -> Refusal:
    """The refusal, of exactly this class."""
    assert type(answer) is refusal, repr(answer)
    return answer


def sequences(answers: Sequence[Answer]) -> list[int | None]:
    """The sequence that each answer tells."""
    return [done(answer).sequence for answer in answers]

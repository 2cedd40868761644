"""An import as a job: the lines that a bulk takes, posted in the background, with what became of each."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

from application.interchange.already_there import AlreadyThere, with_already_there
from application.interchange.found_lines import command_of, place_of
from application.interchange.import_transactions import Parse
from application.interchange.journal_destination import DraftOf
from application.interchange.transaction_lines import Lines, read_lines
from application.jobs.desk import Desk, Tell
from application.jobs.ports import PART_BYTES, JobPart
from application.ledger.journal import Journal
from application.ledger.ports import Books, Command, LedgerAddress, Outcome
from application.ledger.post_transaction import PostTransaction
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import Ids
from application.shared.turns import in_turns
from domain.jobs.job import Job
from domain.ledger.events import AccountOpened, AssetRegistered, TransactionPosted
from domain.ledger.ledger import LedgerNotFound
from domain.ledger.policy import PolicyInForce
from domain.shared.access import Principal
from domain.shared.errors import DomainError, Overloaded, QuotaExceeded, Unavailable

MEDIA_TYPE: Final = "application/x-ndjson"
# As many as a stream has on its way at a time: whoever posts singly waits for no longer group.
PART_LINES: Final = 250
_LINES_PER_TURN: Final = 50
# While one part is written, the next one is read and waits in line.
_PARTS_AT_ONCE: Final = 2
# After which the whole job waits, or ends; each other refusal is of its line alone.
_OF_ALL: Final = (Unavailable, Overloaded, QuotaExceeded, LedgerNotFound)


def parts_of(lines: Lines) -> Iterator[JobPart]:
    """Yield the lines that are not blank in parts, in constant memory. Raises `LineTooLong`."""
    number, first, content, count = 0, 0, bytearray(), 0
    for line in read_lines(lines):
        content += line.json() + b"\n"
        count += 1
        if count == PART_LINES or len(content) >= PART_BYTES:
            yield JobPart(number, first, bytes(content))
            number, first, content, count = number + 1, first + count, bytearray(), 0
    if content:
        yield JobPart(number, first, bytes(content))


@dataclass(slots=True)
class _Begun:
    """A part whose lines wait to be written: their places in a file, what they ask for, and where the answers will be.

    `steps` are the answers of those on which transactions rely.
    """

    part: JobPart
    places: list[str | None] = field(default_factory=list)
    asked: list[Command | DomainError] = field(default_factory=list)
    answers: "list[asyncio.Future[Outcome]]" = field(default_factory=list)

    steps: "list[asyncio.Future[Outcome]]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportJob:
    """Posts the transactions of a job in order, each under an idempotency key of its own.

    So a part that was interrupted is posted again without anything being posted twice. The result has a line for each:
    its `index`, and its `transaction` and `sequence`, or the `problem`. What the ledger of a file had before is told by
    `already_there`. The policies are those that the journal asks.
    """

    books: Books
    journal: Journal
    ids: Ids
    parse: Parse
    draft_of: DraftOf
    tell: Tell
    policies: Sequence[PolicyInForce] = ()

    async def run(self, desk: Desk) -> str:
        """Post what was not posted yet. Raises as `JobWork` says."""
        begun: deque[_Begun] = deque()
        number = desk.job.parts_done
        try:
            while (part := await desk.input(number)) is not None:
                begun.append(_Begun(part))
                goes_on = await self._begin(desk, begun)
                while begun and (len(begun) == _PARTS_AT_ONCE or not goes_on):
                    await self._finish(desk, begun[0])
                    begun.popleft()
                number += 1
            while begun:
                await self._finish(desk, begun[0])
                begun.popleft()
        finally:
            # What was not told is asked for again by whoever goes on, and answered by the keys.
            for each in begun:
                for answer in each.answers:
                    if not answer.cancel() and not answer.cancelled():
                        # Nobody is to be told any more.
                        answer.exception()
        return MEDIA_TYPE

    async def _begin(self, desk: Desk, begun: deque[_Begun]) -> bool:
        """Hand the lines of the last part to the journal, while the part before it may still be written.

        Transactions follow once the steps are done on which they rely. After what concerns all lines no other one
        follows, and False is returned: to finish what was begun raises it.
        """
        principal = await desk.principal()
        this, is_after_steps = begun[-1], False
        async for line in in_turns(read_lines(BytesIO(this.part.content)), _LINES_PER_TURN):
            text, index = line.json(), this.part.first + len(this.answers)
            place, asked = self._read(desk.job, text)
            if isinstance(asked, PostTransaction) and not is_after_steps:
                is_after_steps = True
                if not await _steps_done(begun):
                    return False
            key = IdempotencyKey(f"{desk.job.id}/{index}", sha256(text).digest())
            answer = self._answer(desk.job, principal, asked, key)
            this.places.append(place)
            this.asked.append(asked)
            this.answers.append(answer)
            if not isinstance(asked, PostTransaction):
                this.steps.append(answer)
            if _is_of_all(answer):
                return False
        return True

    async def _finish(self, desk: Desk, begun: "_Begun") -> None:
        """Wait for the answers, and keep what became of each line."""
        first, job = begun.part.first, desk.job
        answers = await asyncio.gather(*begun.answers, return_exceptions=True)
        outcomes: Sequence[Outcome | AlreadyThere | BaseException] = answers
        if is_of_file(job):
            address = LedgerAddress(job.organisation_id, job.ledger)
            outcomes = await with_already_there(self.books, address, begun.asked, answers, self.policies)
        results = [
            self._result(first + offset, place, outcome)
            for offset, (place, outcome) in enumerate(zip(begun.places, outcomes, strict=True))
        ]
        await desk.advance(begun.part.number, b"".join(results), done=first + len(results))

    def _read(self, job: Job, text: bytes) -> tuple[str | None, Command | DomainError]:
        """Return where in a file of another program a line stands, if it comes from one, and what it asks for."""
        place = None
        try:
            document = self.parse(text)
            if not is_of_file(job):
                return None, PostTransaction(self.draft_of(document, self.ids.new("txn")))
            place = place_of(document)
            return place, command_of(document, self.ids)
        except DomainError as refusal:
            return place, refusal

    def _answer(
        self, job: Job, principal: Principal, asked: Command | DomainError, key: IdempotencyKey
    ) -> "asyncio.Future[Outcome]":
        try:
            if isinstance(asked, DomainError):
                raise asked
            return self.journal.enqueue(principal, job.ledger, asked, request_id=job.request_id, key=key, is_bulk=True)
        except DomainError as refusal:
            answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            answer.set_exception(refusal)
            return answer

    def _result(self, index: int, place: str | None, outcome: Outcome | AlreadyThere | BaseException) -> bytes:
        """Return the line that tells what became of a line. Raises what is not of that line alone."""
        said: dict[str, Any] = {"index": index}
        if place is not None:
            said["place"] = place
        if isinstance(outcome, Outcome):
            said |= _done(outcome)
        elif isinstance(outcome, AlreadyThere):
            said |= {"transaction": outcome.id, "already_there": True}
        elif isinstance(outcome, DomainError) and not isinstance(outcome, _OF_ALL):
            said["problem"] = self.tell(outcome)
        else:
            raise outcome
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def is_of_file(job: Job) -> bool:
    """Return whether the lines of an import are what was found in a file of another program."""
    return "format" in job.arguments


async def _steps_done(begun: Iterable[_Begun]) -> bool:
    """Wait for the steps, and return whether each was done, or refused for a reason of its own."""
    steps = [answer for each in begun for answer in each.steps]
    if steps:
        await asyncio.wait(steps)
    return not any(map(_is_of_all, steps))


def _is_of_all(answer: "asyncio.Future[Outcome]") -> bool:
    """Return whether something was refused for a reason that is not of it alone."""
    return answer.done() and not answer.cancelled() and isinstance(answer.exception(), _OF_ALL)


def _done(outcome: Outcome) -> dict[str, Any]:
    """Return what was posted, opened or registered, if that was not done already."""
    for each in reversed(outcome.applied):
        match each.event:
            case TransactionPosted(id=id):
                return {"transaction": id, "sequence": outcome.sequence}
            case AccountOpened(account=path):
                return {"account": path, "sequence": outcome.sequence}
            case AssetRegistered(code=code):
                return {"asset": code, "sequence": outcome.sequence}
    return {}

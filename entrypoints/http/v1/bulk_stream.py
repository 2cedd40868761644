"""A bulk as a stream of lines: of any length, in constant memory, answered while it is still being sent.

Three things go on side by side. Lines are read and handed to the journal, a bounded number at a time. Answers are put
in order and spooled. The spool is sent as fast as the client takes it. Reading never waits for sending, so a client
that sends everything before it reads anything is not left hanging.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from application.ledger.ports import Outcome
from application.shared.ports import StoreUnavailable
from domain.shared.errors import DomainError, ErrorKind
from entrypoints.http.credentials import principal_now
from entrypoints.http.dependencies import Caller
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.problems import PayloadTooLarge, problem_document, status_of
from entrypoints.http.v1.answer_spool import AnswerSpool, SpoolFull
from entrypoints.http.v1.bulk_items import bulk_key, post_item, result_document
from entrypoints.schemas.json_text import parse_line

NDJSON: Final = "application/x-ndjson"
# How much may be on its way through the journal: two full groups, or a few of very long lines.
IN_FLIGHT_MAX: Final = 250
IN_FLIGHT_BYTES_MAX: Final = 16 * 1024 * 1024
DRY_RUNS_IN_FLIGHT_MAX: Final = 4


class AnswersNotTaken(DomainError):
    """The client sends lines but takes no answers, and no more of those can be kept. The answers end here.

    Lines with an answer were dealt with. Those from this index on may have been, or not; what came later was read and
    thrown away. Read the answers while you send, and send all of it again with the same idempotency key or references.
    """

    code = "answers-not-taken"
    kind = ErrorKind.UNAVAILABLE
    title = "Too many answers are waiting"


@dataclass(frozen=True, slots=True)
class _Awaited:
    """Where the answer to a line will be, the line's number, and how many bytes it has."""

    answer: asyncio.Future[Outcome]
    number: int
    length: int


class StreamedBulk(Response):
    """The answer to a stream of transactions: one line for each line that is not blank, in order."""

    media_type = NDJSON

    def __init__(self, request: Request, who: Caller, slug: str, *, is_dry_run: bool) -> None:
        super().__init__(status_code=200)
        del self.headers["content-length"]
        self._request = request
        self._who = who
        self._slug = slug
        self._is_dry_run = is_dry_run
        self._key = bulk_key(request)
        self._path = request.url.path.removesuffix("/bulk")
        settings = who.services.settings
        self._line_bytes_max = settings.body_bytes_max
        self._spool = AnswerSpool(settings.spool_bytes_max)
        # The answers to come, in order; None after the last.
        self._answers: asyncio.Queue[_Awaited | None] = asyncio.Queue()
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._room = asyncio.Event()
        self._is_full = False
        self._lasting = LastingPrincipal(who.principal, principal_now(request))
        self._refusal: DomainError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream."""
        reading = asyncio.create_task(self._read())
        answering = asyncio.create_task(self._answer())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while body := await self._spool.read():
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            reading.cancel()
            answering.cancel()
            await asyncio.wait((reading, answering))
            self._give_up()
            self._spool.close()

    async def _read(self) -> None:
        """Read lines and hand them to the journal; wait when enough are on their way.

        Once no more answers can be kept, what is still sent is thrown away: whoever sends everything before they read
        could not read the answers otherwise.
        """
        index = 0
        try:
            async for number, line in self._lines():
                length = 0 if line is None else len(line)
                await self._wait_for_room(length)
                if self._is_full:
                    continue
                await self._check()
                self._answers.put_nowait(_Awaited(self._post(line, index), number, length))
                self._in_flight += 1
                self._in_flight_bytes += length
                index += 1
        except ClientDisconnect:
            pass  # a line that was cut off is no line
        finally:
            self._answers.put_nowait(None)

    async def _check(self) -> None:
        """See now and then whether who sends may still do so: a stream may go on for hours."""
        if self._refusal is not None:
            return
        try:
            principal = await self._lasting.now()
            if principal is not self._who.principal:
                self._who = replace(self._who, principal=principal)
        except DomainError as refusal:
            self._refusal = refusal
        except StoreUnavailable:
            pass  # then nothing is posted either, and the next line asks again

    async def _wait_for_room(self, length: int) -> None:
        in_flight_max = DRY_RUNS_IN_FLIGHT_MAX if self._is_dry_run else IN_FLIGHT_MAX
        while (
            self._in_flight
            and not self._is_full
            and (self._in_flight >= in_flight_max or self._in_flight_bytes + length > IN_FLIGHT_BYTES_MAX)
        ):
            self._room.clear()
            await self._room.wait()

    async def _lines(self) -> AsyncIterator[tuple[int, bytes | None]]:
        """Yield each line that is not blank with its number, from 1; None in the place of one that is too long."""
        number = 1
        rest = b""
        is_too_long = False
        async for chunk in self._request.stream():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if is_too_long or len(line) > self._line_bytes_max:
                    yield number, None
                elif line.strip():
                    yield number, line
                is_too_long = False
                number += 1
            if len(rest) > self._line_bytes_max:
                is_too_long, rest = True, b""
            # Lines that are there already must not keep others from their turn.
            await asyncio.sleep(0)
        if is_too_long or rest.strip():
            yield number, None if is_too_long else rest

    def _post(self, line: bytes | None, index: int) -> asyncio.Future[Outcome]:
        try:
            if self._refusal is not None:
                raise self._refusal
            if line is None:
                raise PayloadTooLarge(f"It is longer than {self._line_bytes_max:,} bytes.")
            key = None if self._key is None else (f"{self._key}/{index}", self._path)
            return post_item(self._who, self._slug, parse_line(line), key, dry_run=self._is_dry_run)
        except Exception as failure:  # a bug, too, fails its own line alone
            answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            answer.set_exception(failure)
            return answer

    async def _answer(self) -> None:
        """Put the answers in order into the spool, which the client empties in its own time."""
        index = 0
        last = b""
        try:
            while (awaited := await self._answers.get()) is not None:
                self._spool.write(await self._told(index, awaited))
                self._in_flight -= 1
                self._in_flight_bytes -= awaited.length
                self._room.set()
                index += 1
        except SpoolFull as error:
            refusal = AnswersNotTaken(f"Lines from index {index} on are not answered: {error}.")
            problem = problem_document(refusal, self._who.request_id)
            last = orjson.dumps({"index": index, "status": status_of(refusal), "problem": problem}) + b"\n"
        finally:
            self._give_up()
            self._spool.complete(last)

    def _give_up(self) -> None:
        """Let nobody wait for answers any more; what has not begun to be posted never will be."""
        self._is_full = True
        self._room.set()
        while not self._answers.empty():
            awaited = self._answers.get_nowait()
            if awaited is not None and not awaited.answer.cancel():
                awaited.answer.exception()  # which is seen by that, so that nobody is told of it

    async def _told(self, index: int, awaited: _Awaited) -> bytes:
        try:
            outcome: Outcome | Exception = await awaited.answer
        except Exception as failure:
            outcome = failure
        result = result_document(self._who, self._slug, index, outcome)
        if "problem" in result:
            result["problem"]["detail"] = f"Line {awaited.number}: {result['problem']['detail']}"
        return orjson.dumps(result) + b"\n"

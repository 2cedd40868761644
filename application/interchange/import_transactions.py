"""Import transactions from lines of JSON, each as `POST …/transactions` takes it.

What makes an import resumable is the `reference` of each transaction, which is unique in its ledger: running it again
posts nothing twice.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from application.interchange.transaction_lines import Lines, RawLine, read_lines
from domain.ledger.transaction import DuplicateReference
from domain.shared.errors import DomainError, ValidationFailed

SHOWN_MAX: Final = 20
# As Python objects, they take about eight times as much.
BATCH_BYTES_MAX: Final = 2 * 1024 * 1024
_LINES_PER_TURN: Final = 50

Parse = Callable[[bytes], Any]
"""Reads JSON strictly, or raises a `DomainError`."""


@dataclass(frozen=True, slots=True)
class TransactionLine:
    """A transaction to post: the line of the file, what it says, and the JSON to send elsewhere."""

    number: int
    document: dict[str, Any]
    json: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a transaction was not posted; `stops` when it makes no sense to go on with others.

    `taken_by` says what has its reference, `transaction` or `hold`, where another has it.
    """

    code: str
    detail: str
    stops: bool = False
    taken_by: str | None = None

    @property
    def is_already_there(self) -> bool:
        """Return whether a transaction has the reference: a hold with it means that nothing was posted."""
        return self.code == DuplicateReference.code and self.taken_by != "hold"


class Destination(Protocol):
    """Where transactions are posted."""

    @property
    def batch_max(self) -> int:
        """Return how many transactions to hand over at a time."""
        ...

    @property
    def in_flight_max(self) -> int:
        """Return how many batches may be on their way at a time without getting out of order."""
        ...

    async def post(self, lines: Sequence[TransactionLine]) -> Sequence[Refusal | None]:
        """Post in order; return for each None or why not. Where one `stops`, those after it may be left out."""
        ...


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that was not posted, and why."""

    number: int
    code: str
    detail: str


@dataclass(slots=True)
class ImportSummary:
    """What became of the lines so far. `shown` holds the first refused ones; `stopped` says why it ended early."""

    posted: int = 0
    already_there: int = 0
    refused: int = 0
    shown: list[RefusedLine] = field(default_factory=list)
    stopped: str | None = None

    def refuse(self, number: int, code: str, detail: str) -> None:
        """Count a refused line, and keep it to be shown if there are not many."""
        self.refused += 1
        if len(self.shown) < SHOWN_MAX:
            self.shown.append(RefusedLine(number, code, detail))


Progress = Callable[[int, ImportSummary], None]
"""Told how many bytes of the file are dealt with, and the summary so far."""


async def import_transactions(
    lines: Lines,
    destination: Destination,
    parse: Parse,
    *,
    reference_prefix: str | None = None,
    progress: Progress | None = None,
) -> ImportSummary:
    """Post the transactions in order, in constant memory, and return what became of them.

    A line whose reference a transaction has counts as already there; one whose reference a hold has is refused. A line
    without one is refused, or gets `<reference_prefix>-<its number>`.
    """
    run = _Run(destination, parse, reference_prefix, progress)
    await run.all(read_lines(lines))
    return run.summary


@dataclass(slots=True)
class _Batch:
    lines: list[TransactionLine] = field(default_factory=list)
    bytes: int = 0
    end: int = 0


class _Run:
    def __init__(
        self, destination: Destination, parse: Parse, reference_prefix: str | None, progress: Progress | None
    ) -> None:
        self._destination = destination
        self._parse = parse
        self._reference_prefix = reference_prefix
        self._progress = progress
        self._in_flight: deque[tuple[_Batch, asyncio.Task[Sequence[Refusal | None]]]] = deque()
        self.summary = ImportSummary()

    async def all(self, lines: Iterator[RawLine]) -> None:
        batch = _Batch()
        try:
            for count, raw in enumerate(lines, 1):
                self._take(raw, batch)
                batch.end = raw.end
                if len(batch.lines) >= self._destination.batch_max or batch.bytes >= BATCH_BYTES_MAX:
                    await self._send(batch)
                    batch = _Batch()
                if self.summary.stopped:
                    return
                if count % _LINES_PER_TURN == 0:
                    await asyncio.sleep(0)
            await self._send(batch)
        finally:
            while self._in_flight:
                await self._settle_oldest()

    def _take(self, raw: RawLine, batch: _Batch) -> None:
        try:
            line = self._read(raw)
        except DomainError as refusal:
            self.summary.refuse(raw.number, refusal.code, refusal.detail)
        else:
            batch.lines.append(line)
            batch.bytes += len(line.json)

    def _read(self, raw: RawLine) -> TransactionLine:
        document = self._parse(raw.json())
        if not isinstance(document, dict):
            raise ValidationFailed("The line is not a JSON object.")
        if document.get("reference") is not None:
            return TransactionLine(raw.number, document, raw.json())
        if self._reference_prefix is None:
            raise ValidationFailed(
                "The line has no reference, so that importing it again would post it again. Give it one, or set a "
                "prefix for references that are made from the numbers of lines."
            )
        return TransactionLine(raw.number, *raw.with_reference(document, f"{self._reference_prefix}-{raw.number}"))

    async def _send(self, batch: _Batch) -> None:
        while len(self._in_flight) >= self._destination.in_flight_max:
            await self._settle_oldest()
        if self.summary.stopped is None:
            self._in_flight.append((batch, asyncio.ensure_future(self._destination.post(batch.lines))))
            # Let it begin: those of one batch are handed over before those of the next.
            await asyncio.sleep(0)

    async def _settle_oldest(self) -> None:
        batch, posting = self._in_flight.popleft()
        # The destination may have left out those after one that stops.
        for line, refusal in zip(batch.lines, await posting, strict=False):
            if refusal is None:
                self.summary.posted += 1
            elif refusal.stops:
                self.summary.stopped = self.summary.stopped or refusal.detail
            elif refusal.is_already_there:
                self.summary.already_there += 1
            else:
                self.summary.refuse(line.number, refusal.code, refusal.detail)
        if self._progress is not None:
            self._progress(batch.end, self.summary)

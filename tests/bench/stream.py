"""The client of a streamed bulk: sends a file of transactions as fast as the server takes it, and reads meanwhile."""

import asyncio
import gc
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

import httptools

from tests.bench.failures import BenchFailed
from tests.bench.worker import Benchmark, main

_BLOCK_BYTES: Final = 64 * 1024
_MARK_SECONDS: Final = 0.02
_MARKS_TOLD: Final = 50
_PATIENCE_SECONDS: Final = 60.0
_POSTED: Final = b',"status":201,"transaction":{'


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """Which file to send to which ledger. After `seconds` no further line is sent.

    `slice_count` is how many transactions the first and the last part have whose speed is told.
    """

    port: int
    api_key: str
    ledger: str
    file: str
    seconds: float
    slice_count: int


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What was answered, all of it posted; how fast at first and in the end; and when how much was (seconds, count)."""

    answered: int
    seconds: float
    first_per_second: float
    last_per_second: float
    marks: list[tuple[float, int]]


class Stream(asyncio.Protocol):
    """One request without an end in sight, and its answer."""

    def __init__(self, order: StreamOrder, file: BinaryIO, benchmark: Benchmark) -> None:
        self._order = order
        self._file = file
        self._benchmark = benchmark
        self._parser = httptools.HttpResponseParser(self)
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._is_paused = self._is_sent = False
        self._sent = self.answered = 0
        self._rest = b""
        self._marked_at = 0.0
        self.marks: list[tuple[float, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports by their methods, not by their class.
        self._transport = cast(asyncio.Transport, transport)

    def start(self) -> asyncio.Future[None]:
        """Begin to send; return what is done when all is answered."""
        self._began = time.perf_counter()
        self.marks.append((0.0, 0))
        headers = (
            f"POST /v1/ledgers/{self._order.ledger}/transactions/bulk HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{self._order.port}\r\n"
            f"Authorization: Bearer {self._order.api_key}\r\nContent-Type: application/x-ndjson\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        self._transport.write(headers.encode())
        self._pump()
        return self._done

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._pump()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        whole, newline, self._rest = (self._rest + body).rpartition(b"\n")
        lines = whole.count(b"\n") + len(newline)
        posted = whole.count(_POSTED)
        if posted != lines or self._parser.get_status_code() != 200:
            wrong = next((line for line in (whole + self._rest).split(b"\n") if _POSTED not in line), b"")
            self._fail(f"A transaction was not posted: {wrong[:1000].decode(errors='replace')}")
            return
        self.answered += posted
        seconds = time.perf_counter() - self._began
        if seconds - self._marked_at >= _MARK_SECONDS:
            self._marked_at = seconds
            self.marks.append((seconds, self.answered))
            self._benchmark.progress(self.answered)

    def on_message_complete(self) -> None:
        self.marks.append((time.perf_counter() - self._began, self.answered))
        if self._parser.get_status_code() != 200:
            self._fail(f"The stream was answered with {self._parser.get_status_code()}.")
        elif self._rest or not self._is_sent or self.answered != self._sent:
            self._fail(f"The answers end after {self.answered:,} lines; {self._sent:,} were sent.")
        elif not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"The server closed the connection: {exc}")

    def close(self) -> None:
        self._transport.close()

    def _pump(self) -> None:
        if self._is_paused or self._is_sent or self._done.done():
            return
        is_late = time.perf_counter() - self._began > self._order.seconds
        lines = [] if is_late else self._file.readlines(_BLOCK_BYTES)
        if not lines:
            self._is_sent = True
            self._transport.write(b"0\r\n\r\n")
            return
        self._sent += len(lines)
        block = b"".join(lines)
        self._transport.write(b"%x\r\n%b\r\n" % (len(block), block))
        # Answers that are there already have their turn before the next block.
        self._loop.call_soon(self._pump)

    def _fail(self, text: str) -> None:
        if not self._done.done():
            self._done.set_exception(BenchFailed(text))


async def measure(order: StreamOrder, benchmark: Benchmark) -> StreamResult:
    """Send what is ordered. Raises `BenchFailed` at the first transaction that was not posted."""
    loop = asyncio.get_running_loop()
    with Path(order.file).open("rb") as file:
        _, stream = await loop.create_connection(lambda: Stream(order, file, benchmark), "127.0.0.1", order.port)
        await benchmark.ready()
        gc.disable()
        async with asyncio.timeout(order.seconds + _PATIENCE_SECONDS):
            await stream.start()
        stream.close()
    seconds, answered = stream.marks[-1]
    slice_count = min(order.slice_count, answered)
    first = next(mark for mark in stream.marks if mark[1] >= slice_count)
    last = next(mark for mark in reversed(stream.marks) if mark[1] <= answered - slice_count)
    every = max(1, len(stream.marks) // _MARKS_TOLD)
    return StreamResult(
        answered=answered,
        seconds=seconds,
        first_per_second=first[1] / first[0],
        last_per_second=(answered - last[1]) / (seconds - last[0]),
        marks=[*stream.marks[:-1:every], stream.marks[-1]],
    )


if __name__ == "__main__":
    main(StreamOrder, measure)

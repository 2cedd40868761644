"""Subscribers: WebSocket connections that follow a ledger, and how late each event comes to them.

It shares the machine with the server, so it does as little as possible: of a message only its events are counted, and
their times read. How late is counted from when an event was recorded, which is before its group was committed.
"""

import asyncio
import gc
import json
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, cast

from tests.bench.failures import BenchFailed
from tests.bench.load import percentile
from tests.bench.worker import Benchmark, main
from tests.bench.workload import path_of

_RECORDED_AT: Final = b'"recorded_at":"'
_TIME_LENGTH: Final = 27
_AT_A_TIME: Final = 100
_PATIENCE_SECONDS: Final = 120.0
_TEXT: Final = 0x1
_PING: Final = 0x9
_PONG: Final = 0xA
_CLOSE: Final = 0x8


@dataclass(frozen=True, slots=True)
class ListenOrder:
    """How many subscribers follow a ledger, for how long: each an account of its own, or the whole of it."""

    port: int
    api_key: str
    ledger: str
    subscribers: int
    seconds: float
    is_of_account: bool


@dataclass(frozen=True, slots=True)
class ListenResult:
    """How many events came, in how many messages, and how long after they were recorded."""

    events: int
    messages: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float


class Run:
    """What all subscribers have heard."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.messages = 0
        self.subscribed = 0
        self.failure: str | None = None


class Subscriber(asyncio.Protocol):
    """A connection that follows a ledger."""

    def __init__(self, order: ListenOrder, number: int, run: Run) -> None:
        self._order = order
        self._number = number
        self._run = run
        self._rest = b""
        self._has_shaken_hands = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports by their methods, not by their class.
        self._transport = cast(asyncio.Transport, transport)
        order = self._order
        self._transport.write(
            f"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nAuthorization: Bearer {order.api_key}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: partita.v1\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        if not self._has_shaken_hands:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if b" 101 " not in head[:20]:
                self._run.failure = f"A subscriber was refused: {(head + end + data)[:1000].decode(errors='replace')}"
                return
            self._has_shaken_hands = True
            self._subscribe()
        now = time.time()
        at = 0
        while (frame := _frame(data, at)) is not None:
            opcode, begin, at = frame
            if opcode == _TEXT:
                self._take(data[begin:at], now)
            elif opcode == _PING:
                self._write(_PONG, data[begin:at])
            elif opcode == _CLOSE:
                self._run.failure = f"The server closed a connection: {data[begin:at]!r}"
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.failure = self._run.failure or f"The server closed a connection: {exc}"

    def close(self) -> None:
        self._transport.abort()

    def _subscribe(self) -> None:
        message = {"type": "subscribe", "id": "a", "channel": "events", "ledger": self._order.ledger}
        if self._order.is_of_account:
            message["account"] = path_of(self._number)
        self._write(_TEXT, json.dumps(message).encode())

    def _take(self, message: bytes, now: float) -> None:
        run = self._run
        if message.startswith(b'{"type":"events"'):
            run.messages += 1
            at = message.find(_RECORDED_AT)
            while at >= 0:
                begin = at + len(_RECORDED_AT)
                run.latencies.append(now - _seconds(message[begin : begin + _TIME_LENGTH]))
                at = message.find(_RECORDED_AT, begin)
        elif message.startswith(b'{"type":"subscribed"'):
            run.subscribed += 1
        elif not message.startswith(b'{"type":"welcome"'):
            run.failure = f"A subscriber was told: {message[:1000].decode(errors='replace')}"

    def _write(self, opcode: int, data: bytes) -> None:
        # A mask of zeros is one, too.
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        self._transport.write(bytes([0x80 | opcode]) + length + bytes(4) + data)


_times: dict[bytes, float] = {}


def _seconds(text: bytes) -> float:
    """Return the seconds of a time, which many events share."""
    found = _times.get(text)
    if found is None:
        if len(_times) > 10_000:
            _times.clear()
        found = _times[text] = datetime.fromisoformat(text.decode()).timestamp()
    return found


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return the opcode of the frame that begins there, and where its content begins and ends, if all of it is there.

    What a server sends is not masked, and ours does not fragment.
    """
    if len(data) < at + 2:
        return None
    length, begin = data[at + 1], at + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        if len(data) < begin + size:
            return None
        length, begin = int.from_bytes(data[begin : begin + size], "big"), begin + size
    return None if len(data) < begin + length else (data[at] & 0xF, begin, begin + length)


async def measure(order: ListenOrder, benchmark: Benchmark) -> ListenResult:
    """Subscribe, and listen for as long as is ordered. Raises `BenchFailed` at anything that should not be."""
    run, loop = Run(), asyncio.get_running_loop()
    subscribers: list[Subscriber] = []
    async with asyncio.timeout(_PATIENCE_SECONDS):
        for first in range(0, order.subscribers, _AT_A_TIME):
            numbers = range(first, min(first + _AT_A_TIME, order.subscribers))
            for number in numbers:
                make = partial(Subscriber, order, number, run)
                _, subscriber = await loop.create_connection(make, "127.0.0.1", order.port)
                subscribers.append(subscriber)
            while run.subscribed < len(subscribers):
                if run.failure is not None:
                    raise BenchFailed(run.failure)
                await asyncio.sleep(0.002)
    await benchmark.ready()
    gc.disable()
    began = time.perf_counter()
    while time.perf_counter() < began + order.seconds:
        await asyncio.sleep(0.25)
        benchmark.progress(len(run.latencies))
        if run.failure is not None:
            raise BenchFailed(run.failure)
    seconds = time.perf_counter() - began
    for subscriber in subscribers:
        subscriber.close()
    values = sorted(1000 * each for each in run.latencies) or [0.0]
    return ListenResult(
        len(run.latencies), run.messages, seconds, percentile(values, 0.5), percentile(values, 0.99), values[-1]
    )


if __name__ == "__main__":
    main(ListenOrder, measure)

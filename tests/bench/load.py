"""The load generator: HTTP clients that send one request after the other, each on a connection of its own.

It shares the machine with the server, so it does as little as possible: the requests are made before, and of an answer
only the status and the time matter.
"""

import asyncio
import gc
import itertools
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import httptools

from tests.bench.failures import BenchFailed
from tests.bench.worker import Benchmark, main
from tests.bench.workload import Pair, document, opening_pairs, path_of, random_pairs

_REQUESTS_REPEATED: Final = 20_000
_KEYED_PER_SECOND_MAX: Final = 12_000
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """How many clients post transactions over how many accounts, and for how long; or ask for a path only.

    That is what it `asks` for, with `{account}` in the place of an account's path. `warm_up` requests go first,
    unmeasured; where they are transactions, they open accounts. With `is_keyed`, each transaction has an idempotency
    key of its own.
    """

    port: int
    api_key: str
    ledger: str
    clients: int
    accounts: int
    seconds: float
    warm_up: int
    is_keyed: bool = False
    asks: str | None = None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was answered, all of it with the status that it should have; `warm_up` comes on top of `answered`.

    `cpu_seconds` is what the clients took of the machine that they share with the server.
    """

    warm_up: int
    answered: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_seconds: float


class Run:
    """Requests that several clients share, and how long each took, in seconds."""

    def __init__(self, requests: Iterable[bytes], seconds: float, status: int) -> None:
        self._requests = iter(requests)
        self._until = time.perf_counter() + seconds
        self.status = status
        self.latencies: list[float] = []

    def next(self, now: float) -> bytes | None:
        """Return the next request, or None after the last one, or after the last moment."""
        return next(self._requests, None) if now < self._until else None


class Client(asyncio.Protocol):
    """A client that waits for the answer to one request before it sends the next."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._sent_at = 0.0
        self._body = b""
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are transports by their methods, not by their class.
        self._transport = cast(asyncio.Transport, transport)

    def start(self, run: Run) -> asyncio.Future[None]:
        """Send requests of the run until there are no more; return what is done then."""
        self._run = run
        self._done = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            self._fail("The server closed a connection between two runs.")
        else:
            self._send(time.perf_counter())
        return self._done

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body = body

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        status = self._parser.get_status_code()
        if status != self._run.status:
            self._fail(f"A request was answered with {status}: {self._body.decode(errors='replace')}")
            return
        self._run.latencies.append(now - self._sent_at)
        self._send(now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"The server closed a connection: {exc}")

    def close(self) -> None:
        self._transport.close()

    def _send(self, now: float) -> None:
        request = self._run.next(now)
        if request is None:
            self._done.set_result(None)
            return
        self._sent_at = now
        self._transport.write(request)

    def _fail(self, text: str) -> None:
        if not self._done.done():
            self._done.set_exception(BenchFailed(text))


def request_of(order: LoadOrder, pair: Pair, key: str | None) -> bytes:
    """Return a request as it is sent."""
    headers = f"Host: 127.0.0.1:{order.port}\r\nAuthorization: Bearer {order.api_key}\r\n"
    if order.asks is not None:
        return f"GET {order.asks.format(account=path_of(pair[0]))} HTTP/1.1\r\n{headers}\r\n".encode()
    if key is not None:
        headers += f"Idempotency-Key: {key}\r\n"
    body = document(pair)
    headers += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST /v1/ledgers/{order.ledger}/transactions HTTP/1.1\r\n{headers}\r\n".encode() + body


def _requests(order: LoadOrder) -> Iterable[bytes]:
    pairs = random_pairs(order.accounts, f"{order.ledger} {order.clients}")
    if order.is_keyed:
        count = math.ceil(_KEYED_PER_SECOND_MAX * order.seconds)
        keys = (f"{order.ledger}-{order.clients}-{number}" for number in range(count))
        return [request_of(order, pair, key) for pair, key in zip(pairs, keys, strict=False)]
    return itertools.cycle([request_of(order, pair, None) for pair in itertools.islice(pairs, _REQUESTS_REPEATED)])


def percentile(sorted_values: list[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    return sorted_values[math.ceil(share * len(sorted_values)) - 1]


async def measure(order: LoadOrder, benchmark: Benchmark) -> LoadResult:
    """Send what is ordered. Raises `BenchFailed` at the first answer that is not what it should be."""
    warm_up = [request_of(order, pair, None) for pair in itertools.islice(opening_pairs(order.accounts), order.warm_up)]
    requests = _requests(order)
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(Client, "127.0.0.1", order.port))[1] for _ in range(order.clients)]
    status = 201 if order.asks is None else 200
    gc.disable()
    async with asyncio.timeout(_PATIENCE_SECONDS):
        warming = Run(warm_up, _PATIENCE_SECONDS, status)
        await asyncio.gather(*[client.start(warming) for client in clients])
    await benchmark.ready()
    gc.disable()
    began, cpu_began = time.perf_counter(), time.process_time()
    run = Run(requests, order.seconds, status)

    async def watch() -> None:
        while True:
            benchmark.progress(len(run.latencies))
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    async with asyncio.timeout(order.seconds + _PATIENCE_SECONDS):
        await asyncio.gather(*[client.start(run) for client in clients])
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    watching.cancel()
    for client in clients:
        client.close()
    values = sorted(1000 * latency for latency in run.latencies)
    return LoadResult(
        warm_up=len(warming.latencies),
        answered=len(values),
        seconds=seconds,
        p50_ms=percentile(values, 0.50),
        p99_ms=percentile(values, 0.99),
        max_ms=values[-1],
        cpu_seconds=cpu_seconds,
    )


if __name__ == "__main__":
    main(LoadOrder, measure)

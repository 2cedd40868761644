"""Transactions that are posted at a pace: so many a second, however long each takes."""

import asyncio
import gc
import itertools
import time
from dataclasses import dataclass
from typing import Final

from tests.bench.load import Client, LoadOrder, Run, request_of
from tests.bench.worker import Benchmark, main
from tests.bench.workload import opening_pairs, random_pairs

_CLIENTS: Final = 64
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class PaceOrder:
    """How many transactions to post a second over how many accounts, and for how long; `warm_up` go before that."""

    port: int
    api_key: str
    ledger: str
    accounts: int
    per_second: float
    seconds: float
    warm_up: int


@dataclass(frozen=True, slots=True)
class PaceResult:
    """How many were posted, `warm_up` on top of `answered`."""

    warm_up: int
    answered: int
    seconds: float


async def measure(order: PaceOrder, benchmark: Benchmark) -> PaceResult:
    """Post what is ordered. Raises `BenchFailed` at the first answer that is not what it should be."""
    to = LoadOrder(order.port, order.api_key, order.ledger, _CLIENTS, order.accounts, order.seconds, order.warm_up)
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(Client, "127.0.0.1", order.port))[1] for _ in range(_CLIENTS)]
    opening = [request_of(to, pair, None) for pair in itertools.islice(opening_pairs(order.accounts), order.warm_up)]
    async with asyncio.timeout(_PATIENCE_SECONDS):
        warming = Run(opening, _PATIENCE_SECONDS, 201)
        await asyncio.gather(*[client.start(warming) for client in clients])
    pairs = random_pairs(order.accounts, order.ledger)
    requests = [request_of(to, next(pairs), None) for _ in range(int(order.per_second * order.seconds))]
    await benchmark.ready()
    gc.disable()
    began, sent = time.perf_counter(), iter(requests)
    answered = 0

    async def post(client: Client, number: int) -> None:
        nonlocal answered
        for turn in itertools.count(number, _CLIENTS):
            due = began + turn / order.per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            request = next(sent, None)
            if request is None or time.perf_counter() > began + order.seconds:
                return
            await client.start(Run([request], _PATIENCE_SECONDS, 201))
            answered += 1
            benchmark.progress(answered)

    async with asyncio.timeout(order.seconds + _PATIENCE_SECONDS):
        await asyncio.gather(*[post(client, number) for number, client in enumerate(clients)])
    for client in clients:
        client.close()
    return PaceResult(len(warming.latencies), answered, time.perf_counter() - began)


if __name__ == "__main__":
    main(PaceOrder, measure)

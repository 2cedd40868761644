"""The journal in process: many callers in one process, without HTTP, on the real adapters."""

import asyncio
import hashlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.embedded import ServerUrls
from application.ledger.post_transaction import PostTransaction
from application.shared.idempotency import IdempotencyKey
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Principal
from entrypoints.container import opened
from entrypoints.settings import Settings
from tests.bench.worker import Benchmark, main
from tests.bench.workload import Pair, entries, opening_pairs, random_pairs

# Two full groups: while one commits, the next one gathers.
_CALLERS: Final = 2_000
_PAIRS_REPEATED: Final = 100_000
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class PostingOrder:
    """To which ledger to post, over how many accounts, for how long; with an idempotency key each, or without.

    `run` tells several orders for the same ledger apart.
    """

    database_url: str
    redis_url: str
    folder: str
    organisation_id: int
    ledger: str
    accounts: int
    seconds: float
    is_keyed: bool = False
    run: str = ""


@dataclass(frozen=True, slots=True)
class PostingResult:
    """What was posted, `warm_up` on top of `answered`; and the processor time that this process took for it."""

    warm_up: int
    answered: int
    seconds: float
    cpu_seconds: float


async def measure(order: PostingOrder, benchmark: Benchmark) -> PostingResult:
    """Post what is ordered."""
    principal = Principal(order.organisation_id, "system:bench")
    urls = ServerUrls(order.database_url, order.redis_url)
    async with opened(Settings(data_dir=Path(order.folder)), urls) as container:
        journal, ids = container.journal(), container.ids()
        numbers = itertools.count()
        answered = 0

        async def call(pairs: Iterator[Pair], until: float) -> None:
            nonlocal answered
            for pair in pairs:
                command = PostTransaction(TransactionDraft(ids.new("txn"), entries(pair)))
                key = None
                if order.is_keyed:
                    name = f"{order.run}-{next(numbers)}"
                    key = IdempotencyKey(name, hashlib.sha256(name.encode()).digest())
                await journal.submit(principal, order.ledger, command, request_id="req_bench", key=key)
                answered += 1
                if time.perf_counter() >= until:
                    return

        async def call_all(pairs: Iterator[Pair], seconds: float) -> float:
            began = time.perf_counter()
            async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
                await asyncio.gather(*[call(pairs, began + seconds) for _ in range(_CALLERS)])
            return time.perf_counter() - began

        async def watch() -> None:
            while True:
                benchmark.progress(answered)
                await asyncio.sleep(0.5)

        await call_all(iter(opening_pairs(order.accounts)), _PATIENCE_SECONDS)
        random = random_pairs(order.accounts, f"{order.ledger} {order.run}")
        repeated = itertools.cycle(list(itertools.islice(random, _PAIRS_REPEATED)))
        warm_up, answered = answered, 0
        await benchmark.ready()
        watching = asyncio.create_task(watch())
        cpu_began = time.process_time()
        seconds = await call_all(repeated, order.seconds)
        cpu_seconds = time.process_time() - cpu_began
        watching.cancel()
        await journal.close()
    return PostingResult(warm_up, answered, seconds, cpu_seconds)


if __name__ == "__main__":
    main(PostingOrder, measure)

"""Webhooks: how many one process delivers to a receiver on this machine that answers at once."""

import asyncio
import time
from itertools import islice
from typing import Final

from application.ledger.post_transaction import PostTransaction
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import LedgerPattern
from domain.webhooks.endpoint import Wanted
from tests.bench.bench import Bench
from tests.bench.failures import BenchFailed
from tests.bench.figures import Figure, Target
from tests.bench.plan import COLD_ACCOUNTS
from tests.bench.processes import receiver
from tests.bench.stage import Books, Stage
from tests.bench.workload import entries, random_pairs

SECTION: Final = "webhooks"
_RATE_MIN: Final = 500
_PER_SECOND_OF_PHASE: Final = 500


async def measure_webhooks(bench: Bench) -> None:
    """Measure the section: one webhook without an order, one in order, and ten of one ledger."""
    count = int(bench.plan.phase_seconds * _PER_SECOND_OF_PHASE)
    with receiver() as url:
        async with bench.stage(SECTION) as stage:
            for name, webhooks, is_ordered in (("one", 1, False), ("one, in order", 1, True), ("ten", 10, False)):
                books = await stage.new_books(f"of-{webhooks}-{'ordered' if is_ordered else 'any'}", COLD_ACCOUNTS)
                for _ in range(webhooks):
                    await _webhook(stage, books, f"{url}/hooks", is_ordered=is_ordered)
                await _post(stage, books, count // webhooks)
                with bench.phase(f"{SECTION}: {name}"):
                    began, used = time.monotonic(), time.process_time()
                    delivered = await stage.container.webhook_dispatch().run_due()
                    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - used
                if delivered < count // webhooks * webhooks:
                    raise BenchFailed(f"Of {count:,} events, {delivered:,} were delivered.")
                facts = {
                    "delivered": delivered,
                    "seconds": seconds,
                    "cpu_us_per_delivery": 1e6 * cpu_seconds / delivered,
                }
                rate = delivered / seconds
                bench.record(Figure(SECTION, name, None, rate, "deliveries/s", Target.AT_LEAST, _RATE_MIN, facts))


async def _webhook(stage: Stage, books: Books, url: str, *, is_ordered: bool) -> None:
    wanted = Wanted(url, ledgers=(LedgerPattern(books.slug),), ordered=is_ordered)
    await stage.services.webhooks.keeping.create(stage.principal, wanted, request_id="req_bench")


async def _post(stage: Stage, books: Books, count: int) -> None:
    services = stage.services

    async def post(pair: tuple[int, int]) -> None:
        command = PostTransaction(TransactionDraft(services.ids.new("txn"), entries(pair)))
        await services.journal.submit(stage.principal, books.slug, command, request_id="req_bench")

    await asyncio.gather(*map(post, islice(random_pairs(books.accounts, books.slug), count)))

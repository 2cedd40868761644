"""A journal of hledger, imported as a whole: read, taken in as a job, and posted; and the memory that takes."""

import asyncio
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from httpx2 import AsyncClient

from domain.ledger.asset import format_amount
from tests.bench.bench import Bench
from tests.bench.failures import BenchFailed
from tests.bench.figures import Figure, Target
from tests.bench.measure_import import memory_watched
from tests.bench.processes import server
from tests.bench.workload import AMOUNT_MINOR_UNITS

SECTION: Final = "import of a journal"
_PER_SECOND_MIN: Final = 5_000
_MEMORY_MB_MAX: Final = 300
_ACCOUNTS: Final = 1_000
_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 600

Json = dict[str, Any]


async def measure_journals(bench: Bench) -> None:
    """Measure the section."""
    count = bench.plan.journal_count
    async with bench.stage("journals") as stage, server(stage.urls, stage.folder) as serving:
        books = await stage.new_books("journals", 10)
        file = stage.folder / "books.journal"
        _write(file, count)
        headers = {"Authorization": f"Bearer {stage.api_key}", "Content-Type": "text/x-hledger"}
        url = f"http://127.0.0.1:{serving.port}"
        async with AsyncClient(base_url=url, headers=headers, timeout=_PATIENCE_SECONDS) as client:
            with bench.phase(f"{SECTION}: {count:,} transactions", count=count) as done:
                async with memory_watched(serving) as samples:
                    began, cpu_seconds = time.monotonic(), serving.cpu_seconds()
                    taken = await _imported(client, books.slug, file, began)
                    seconds, cpu_seconds = time.monotonic() - began, serving.cpu_seconds() - cpu_seconds
                done(count)
        books.posted += count
        await stage.check(books)
    peak_mb = max(megabytes for _, megabytes in samples)
    facts = {
        "transactions": count,
        "seconds": seconds,
        "read_after_seconds": taken,
        "cpu_us_per_transaction": 1e6 * cpu_seconds / count,
    }
    rate = count / seconds
    bench.record(
        Figure(SECTION, f"{count:,} transactions", _ACCOUNTS, rate, "tx/s", Target.AT_LEAST, _PER_SECOND_MIN, facts),
        Figure(SECTION, "server memory at its highest", _ACCOUNTS, peak_mb, "MB", Target.AT_MOST, _MEMORY_MB_MAX),
    )


async def _imported(client: AsyncClient, slug: str, file: Path, began: float) -> float:
    """Import the file, and return after how many seconds it was taken in."""
    answer = await client.post(f"/v1/ledgers/{slug}/imports", content=file.read_bytes())
    if answer.status_code != 202:
        raise BenchFailed(f"The journal was not taken in: {answer.status_code} {answer.text[:500]}")
    taken, job = time.monotonic() - began, answer.json()
    while job["state"] in ("queued", "running"):
        await asyncio.sleep(_LOOK_SECONDS)
        job = (await client.get(f"/v1/jobs/{job['id']}")).json()
    if job["state"] != "done":
        raise BenchFailed(f"The journal was not imported: {job}")
    return taken


def _write(file: Path, count: int) -> None:
    """Write a journal of a year's days, over a thousand accounts."""
    first = date(2025, 1, 1)
    with file.open("w", encoding="utf-8") as journal:
        for number in range(count):
            day = first + timedelta(days=number * 365 // count)
            amount = format_amount(AMOUNT_MINOR_UNITS, 2)
            journal.write(
                f"{day} * (c-{number}) Shop {number % 500} | order  ; order: {number}\n"
                f"    expenses:shop:{number % _ACCOUNTS}    {amount} EUR\n    assets:bank\n\n"
            )

"""A long import through the NDJSON route: does the server stay small, and is its end as fast as its beginning?"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target
from tests.bench.measure_bulk import stream_order, warm_up
from tests.bench.plan import COLD_ACCOUNTS
from tests.bench.processes import Server, measured, server
from tests.bench.stream import StreamResult
from tests.bench.workload import random_pairs, write_lines

SECTION: Final = "import over HTTP"
_LAST_TO_FIRST_MIN: Final = 0.85
_MEMORY_MB_MAX: Final = 300
# An import that is slower than this is given up.
_RATE_GIVEN_UP: Final = 500
_SAMPLE_SECONDS: Final = 0.2
_SAMPLES_TOLD: Final = 50


async def measure_import(bench: Bench) -> None:
    """Measure the section."""
    count = bench.plan.import_count
    async with bench.stage("import") as stage, server(stage.urls, stage.folder) as serving:
        books = await stage.new_books("import", COLD_ACCOUNTS)
        await warm_up(stage, serving, books)
        file = stage.folder / "import.ndjson"
        write_lines(file, itertools.islice(random_pairs(COLD_ACCOUNTS, "import"), count), reference_prefix="import")
        order = stream_order(stage, serving, books, file, 60 + count / _RATE_GIVEN_UP, bench.plan.slice_count)
        with bench.phase(f"{SECTION}: {count:,} transactions", count=count) as done:
            async with memory_watched(serving) as samples:
                result = await measured("stream", order, stage.folder, StreamResult, done)
        books.posted += result.answered
        await stage.check(books)
    ratio = result.last_per_second / result.first_per_second
    peak_mb = max(megabytes for _, megabytes in samples)
    part = f"{bench.plan.slice_count:,}"
    bench.record(
        Figure(
            SECTION,
            f"{result.answered:,} transactions",
            COLD_ACCOUNTS,
            result.answered / result.seconds,
            "tx/s",
            facts={"transactions": result.answered, "seconds": result.seconds, "answered_after": result.marks},
        ),
        Figure(SECTION, f"first {part}", COLD_ACCOUNTS, result.first_per_second, "tx/s"),
        Figure(SECTION, f"last {part}", COLD_ACCOUNTS, result.last_per_second, "tx/s"),
        Figure(SECTION, "last to first", COLD_ACCOUNTS, ratio, "ratio", Target.AT_LEAST, _LAST_TO_FIRST_MIN),
        Figure(
            SECTION,
            "server memory at its highest",
            COLD_ACCOUNTS,
            peak_mb,
            "MB",
            Target.AT_MOST,
            _MEMORY_MB_MAX,
            {"megabytes_after_seconds": samples[:: max(1, len(samples) // _SAMPLES_TOLD)]},
        ),
    )


@asynccontextmanager
async def memory_watched(serving: Server) -> AsyncIterator[list[tuple[float, float]]]:
    """Sample the server's resident memory: seconds since the beginning, and megabytes (10^6 bytes)."""
    began = time.monotonic()
    samples: list[tuple[float, float]] = []

    def sample() -> None:
        samples.append((round(time.monotonic() - began, 2), serving.resident_bytes() / 1e6))

    async def watch() -> None:
        while True:
            sample()
            await asyncio.sleep(_SAMPLE_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield samples
        sample()
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

"""NDJSON bulk over HTTP: alone, and with single posts beside it."""

import asyncio
import itertools
import math
from pathlib import Path
from typing import Final

from tests.bench.bench import Bench, Done
from tests.bench.figures import Figure, Target
from tests.bench.load import LoadOrder, LoadResult
from tests.bench.measure_journal import COPY_NAME
from tests.bench.measure_journal import SECTION as JOURNAL
from tests.bench.plan import BOTH
from tests.bench.processes import Server, measured, server, worker
from tests.bench.stage import Books, Stage
from tests.bench.stream import StreamOrder, StreamResult
from tests.bench.workload import opening_pairs, random_pairs, write_lines

SECTION: Final = "bulk over HTTP"
_RATE_MIN: Final = 8_000
_SINGLES_P99_MS_MAX: Final = 60
# Enough to be in every group, few enough to leave the bulk most of the machine.
_SINGLE_CLIENTS: Final = 8
# More than a server takes: the stream ends with its time, not with its file.
_LINES_PER_SECOND: Final = 16_000


async def measure_bulk(bench: Bench) -> None:
    """Measure the section."""
    async with bench.stage("bulk") as stage, server(stage.urls, stage.folder) as serving:
        file = stage.folder / "bulk.ndjson"
        for accounts in BOTH:
            books = await stage.new_books(f"bulk-{accounts}", accounts)
            await warm_up(stage, serving, books)
            count = math.ceil(bench.plan.phase_seconds * _LINES_PER_SECOND)
            write_lines(file, itertools.islice(random_pairs(accounts, "bulk"), count))
            await _alone(bench, stage, serving, books, file)
            await stage.checkpoint()
            await _with_singles(bench, stage, serving, books, file)


async def warm_up(stage: Stage, serving: Server, books: Books) -> None:
    """Open the accounts of a ledger, by a stream."""
    file = stage.folder / "warm-up.ndjson"
    write_lines(file, opening_pairs(books.accounts))
    result = await measured("stream", stream_order(stage, serving, books, file, 60), stage.folder, StreamResult)
    books.posted += result.answered


def stream_order(
    stage: Stage, serving: Server, books: Books, file: Path, seconds: float, slice_count: int = 1
) -> StreamOrder:
    """Return the order to stream a file into a ledger."""
    return StreamOrder(serving.port, stage.api_key, books.slug, str(file), seconds, slice_count)


async def _alone(bench: Bench, stage: Stage, serving: Server, books: Books, file: Path) -> None:
    seconds = bench.plan.phase_seconds
    order = stream_order(stage, serving, books, file, seconds)
    warm_up_transactions = books.posted
    with bench.phase(f"{SECTION}, {books.accounts:,} accounts", seconds=seconds) as done:
        result = await measured("stream", order, stage.folder, StreamResult, done)
    books.posted += result.answered
    await stage.check(books)
    rate = result.answered / result.seconds
    facts = {
        "transactions": result.answered,
        "seconds": result.seconds,
        "warm_up_transactions": warm_up_transactions,
    }
    bench.record(Figure(SECTION, "NDJSON", books.accounts, rate, "tx/s", Target.AT_LEAST, _RATE_MIN, facts))
    copy = bench.find(JOURNAL, COPY_NAME, books.accounts)
    if copy is not None:
        bench.record(Figure(SECTION, "NDJSON, to COPY", books.accounts, rate / copy.value, "ratio"))


async def _with_singles(bench: Bench, stage: Stage, serving: Server, books: Books, file: Path) -> None:
    seconds = bench.plan.phase_seconds
    label = f"{SECTION}, with single posts, {books.accounts:,} accounts"
    with bench.phase(label, seconds=seconds) as done:
        bulk, singles = await _together(stage, serving, books, file, seconds, done)
    books.posted += bulk.answered + singles.answered + singles.warm_up
    await stage.check(books)
    facts = {
        "clients": _SINGLE_CLIENTS,
        "posts": singles.answered,
        "seconds": singles.seconds,
        "max_ms": singles.max_ms,
    }
    bench.record(
        Figure(SECTION, "NDJSON beside single posts", books.accounts, bulk.answered / bulk.seconds, "tx/s"),
        Figure(
            SECTION,
            f"single posts beside NDJSON, {_SINGLE_CLIENTS} clients",
            books.accounts,
            singles.answered / singles.seconds,
            "tx/s",
            facts=facts,
        ),
        Figure(SECTION, "their p50", books.accounts, singles.p50_ms, "ms", facts=facts),
        Figure(SECTION, "their p99", books.accounts, singles.p99_ms, "ms", Target.AT_MOST, _SINGLES_P99_MS_MAX, facts),
    )


async def _together(
    stage: Stage, serving: Server, books: Books, file: Path, seconds: float, done: Done
) -> tuple[StreamResult, LoadResult]:
    bulk_order = stream_order(stage, serving, books, file, seconds)
    single_order = LoadOrder(
        serving.port, stage.api_key, books.slug, _SINGLE_CLIENTS, books.accounts, seconds, warm_up=10 * _SINGLE_CLIENTS
    )
    async with (
        worker("stream", bulk_order, stage.folder) as stream,
        worker("load", single_order, stage.folder) as load,
    ):
        return await asyncio.gather(stream.measure(StreamResult, done), load.measure(LoadResult))

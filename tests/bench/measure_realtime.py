"""Events as they are followed over WebSockets, by ten thousand and by all at once."""

import asyncio
from typing import Final

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target
from tests.bench.listening import ListenOrder, ListenResult
from tests.bench.pacing import PaceOrder, PaceResult
from tests.bench.processes import Server, server, worker
from tests.bench.stage import Books, Stage
from tests.bench.workload import opening_pairs

SECTION: Final = "events over WebSockets"
_SUBSCRIBERS: Final = 10_000
_OF_ALL: Final = 1_000
_MEBIBYTE: Final = 1024 * 1024
_MEGABYTES_MAX: Final = 500
_P99_MS_MAX: Final = 150
_PER_CORE_SECOND_MIN: Final = 50_000


async def measure_realtime(bench: Bench) -> None:
    """Measure the section."""
    async with bench.stage("realtime") as stage, server(stage.urls, stage.folder) as serving:
        books = await stage.new_books("realtime", _SUBSCRIBERS)
        await _warm_up(stage, serving, books)
        name = f"{_SUBSCRIBERS:,} subscribers of an account each, 1,000 tx/s"
        await _follow(bench, stage, serving, books, _SUBSCRIBERS, 1_000, name, is_of_account=True)
        name = f"{_OF_ALL:,} subscribers of the whole ledger, 50 tx/s"
        await _follow(bench, stage, serving, books, _OF_ALL, 50, name, is_of_account=False)
        name = f"{_OF_ALL:,} subscribers of the whole ledger, 200 tx/s"
        await _follow(bench, stage, serving, books, _OF_ALL, 200, name, is_of_account=False, is_flooded=True)
        await stage.check(books)


async def _warm_up(stage: Stage, serving: Server, books: Books) -> None:
    count = len(opening_pairs(books.accounts))
    order = PaceOrder(serving.port, stage.api_key, books.slug, books.accounts, 100, 1, count)
    async with worker("pacing", order, stage.folder) as posting:
        done = await posting.measure(PaceResult)
    books.posted += done.warm_up + done.answered


async def _follow(
    bench: Bench,
    stage: Stage,
    serving: Server,
    books: Books,
    subscribers: int,
    per_second: float,
    name: str,
    *,
    is_of_account: bool,
    is_flooded: bool = False,
) -> None:
    """Post at a pace while so many follow; a flood shows how much the server gives, and not how soon."""
    seconds = bench.plan.phase_seconds
    before = serving.resident_bytes()
    listen = ListenOrder(serving.port, stage.api_key, books.slug, subscribers, seconds + 2, is_of_account)
    pace = PaceOrder(serving.port, stage.api_key, books.slug, books.accounts, per_second, seconds, 0)
    with bench.phase(f"{SECTION}: {name}", seconds=seconds) as done:
        async with (
            worker("listening", listen, stage.folder) as listening,
            worker("pacing", pace, stage.folder) as posting,
        ):
            idle = serving.resident_bytes() - before
            cpu_before = serving.cpu_seconds()
            async with asyncio.TaskGroup() as group:
                heard_task = group.create_task(listening.measure(ListenResult, done))
                posted_task = group.create_task(posting.measure(PaceResult))
            cpu = serving.cpu_seconds() - cpu_before
    heard, posted = heard_task.result(), posted_task.result()
    books.posted += posted.warm_up + posted.answered
    due = posted.answered * (2 if is_of_account else subscribers)
    facts = {"events": heard.events, "due": due, "messages": heard.messages, "posted": posted.answered, "cpu": cpu}
    if is_of_account:
        bench.record(
            Figure(
                SECTION,
                f"{subscribers:,} idle subscribers",
                None,
                idle / _MEBIBYTE,
                "MB",
                Target.AT_MOST,
                _MEGABYTES_MAX,
            )
        )
    if is_flooded:
        rate = heard.events / cpu
        bench.record(
            Figure(SECTION, f"{name}: events per core", None, rate, "/s", Target.AT_LEAST, _PER_CORE_SECOND_MIN, facts)
        )
        return
    bench.record(
        Figure(SECTION, f"{name}: posted", None, posted.answered / posted.seconds, "tx/s", facts=facts),
        Figure(SECTION, f"{name}: delivered", None, heard.events / due, "ratio", Target.AT_LEAST, 1.0, facts),
        Figure(SECTION, f"{name}: p50", None, heard.p50_ms, "ms"),
        Figure(SECTION, f"{name}: p99", None, heard.p99_ms, "ms", Target.AT_MOST, _P99_MS_MAX, facts),
        Figure(SECTION, f"{name}: processor time", None, cpu / (posted.seconds + 2), "ratio"),
    )

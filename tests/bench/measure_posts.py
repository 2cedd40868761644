"""Single posts over HTTP, and beside them the same server's route that does nothing."""

from typing import Final

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target
from tests.bench.load import LoadOrder, LoadResult
from tests.bench.plan import BOTH, COLD_ACCOUNTS
from tests.bench.processes import Server, measured, server
from tests.bench.stage import Books, Stage
from tests.bench.workload import opening_pairs

SECTION: Final = "single posts over HTTP"
_CLIENTS: Final = 64
_MANY_CLIENTS: Final = 256
_RATE_MIN: Final = 5_000
_P99_MS_MAX: Final = 25
_ONE_CLIENT_P50_MS_MAX: Final = 2.5
_WARM_UP_MIN: Final = 500


async def measure_posts(bench: Bench) -> None:
    """Measure the section."""
    async with bench.stage("posts") as stage, server(stage.urls, stage.folder) as serving:
        for accounts in BOTH:
            books = await stage.new_books(f"posts-{accounts}", accounts)
            posts = await _posts(bench, stage, serving, books, _CLIENTS, rate_min=_RATE_MIN, p99_ms_max=_P99_MS_MAX)
            if accounts == COLD_ACCOUNTS:
                await _ceiling(bench, stage, serving, books, posts)
                await _posts(bench, stage, serving, books, _CLIENTS, is_keyed=True)
            await _posts(bench, stage, serving, books, 1, p50_ms_max=_ONE_CLIENT_P50_MS_MAX)
            await _posts(bench, stage, serving, books, _MANY_CLIENTS)


async def _posts(
    bench: Bench,
    stage: Stage,
    serving: Server,
    books: Books,
    clients: int,
    *,
    is_keyed: bool = False,
    rate_min: float | None = None,
    p50_ms_max: float | None = None,
    p99_ms_max: float | None = None,
) -> float:
    seconds = bench.plan.phase_seconds
    # The first phase opens the accounts.
    warm_up = _WARM_UP_MIN if books.posted else len(opening_pairs(books.accounts))
    order = LoadOrder(
        serving.port, stage.api_key, books.slug, clients, books.accounts, seconds, warm_up, is_keyed=is_keyed
    )
    name = f"{clients} {'client' if clients == 1 else 'clients'}{', idempotency keys' if is_keyed else ''}"
    with bench.phase(f"{SECTION}: {name}, {books.accounts:,} accounts", seconds=seconds) as done:
        result = await measured("load", order, stage.folder, LoadResult, done)
    books.posted += result.warm_up + result.answered
    await stage.check(books)
    rate = result.answered / result.seconds
    facts = _facts(result)
    bench.record(
        _figure(name, books, rate, "tx/s", Target.AT_LEAST, rate_min, facts),
        _figure(f"{name}, p50", books, result.p50_ms, "ms", Target.AT_MOST, p50_ms_max, facts),
        _figure(f"{name}, p99", books, result.p99_ms, "ms", Target.AT_MOST, p99_ms_max, facts),
    )
    return rate


async def _ceiling(bench: Bench, stage: Stage, serving: Server, books: Books, posts: float) -> None:
    """Ask the same server, with the same clients, for what takes nothing but HTTP and the framework."""
    seconds = bench.plan.phase_seconds
    order = LoadOrder(
        serving.port, stage.api_key, books.slug, _CLIENTS, books.accounts, seconds, warm_up=1_000, asks="/health/live"
    )
    with bench.phase(f"{SECTION}: no-op route", seconds=seconds) as done:
        result = await measured("load", order, stage.folder, LoadResult, done)
    rate = result.answered / result.seconds
    bench.record(
        Figure(SECTION, f"ceiling: /health/live, {_CLIENTS} clients", None, rate, "req/s", facts=_facts(result)),
        Figure(SECTION, f"{_CLIENTS} clients, to /health/live", books.accounts, posts / rate, "ratio"),
    )


def _figure(
    name: str, books: Books, value: float, unit: str, target: Target, limit: float | None, facts: dict[str, float]
) -> Figure:
    return Figure(SECTION, name, books.accounts, value, unit, None if limit is None else target, limit, facts)


def _facts(result: LoadResult) -> dict[str, float]:
    return {
        "requests": result.answered,
        "seconds": result.seconds,
        "warm_up_requests": result.warm_up,
        "max_ms": result.max_ms,
        "client_cpu_us_per_request": 1e6 * result.cpu_seconds / result.answered,
    }

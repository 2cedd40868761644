"""What it costs to be watched: single posts to servers on one database, of which one is watched by nobody."""

import asyncio
import socket
import statistics
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from tests.bench.bench import Bench
from tests.bench.figures import Figure, Target
from tests.bench.load import LoadOrder, LoadResult
from tests.bench.plan import COLD_ACCOUNTS
from tests.bench.processes import Server, measured, receiver, server
from tests.bench.stage import Books, Stage
from tests.bench.workload import opening_pairs

SECTION: Final = "telemetry"
_CLIENTS: Final = 64
_ROUNDS: Final = 6
_WARM_UP: Final = 500
_SETTLING_SECONDS: Final = 1.0
# Of single posts, with everything on: a cost of 15% at most.
_RATIO_MIN: Final = 0.85


@dataclass(slots=True)
class _Watched:
    """A server, how it is watched, and what each round came to: posts a second, and processor time of one."""

    name: str
    serving: Server
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


async def measure_telemetry(bench: Bench) -> None:
    """Measure the section: turns as short as they can be, as the machine is not as quick in each."""
    async with AsyncExitStack() as stack:
        collector = stack.enter_context(receiver())
        stage = await stack.enter_async_context(bench.stage(SECTION))
        everything = {
            "PARTITA_LOG_FORMAT": "json",
            "PARTITA_TRACES_URL": collector,
            "PARTITA_SENTRY_DSN": f"{collector.replace('//', '//bench@')}/1",
        }
        watched: list[_Watched] = []
        for name, settings in (
            ("nothing watched", {}),
            ("everything on", everything),
            ("everything on, every request traced", {**everything, "PARTITA_TRACES_RATIO": "1"}),
        ):
            if settings:
                settings["PARTITA_METRICS_PORT"] = str(_free_port())
            folder = stage.folder / f"server-{len(watched)}"
            folder.mkdir()
            watched.append(_Watched(name, await stack.enter_async_context(server(stage.urls, folder, settings))))
        books = await stage.new_books(SECTION, COLD_ACCOUNTS)
        for turn in range(_ROUNDS):
            with bench.phase(f"{SECTION}: round {turn + 1} of {_ROUNDS}"):
                # Whoever was first is last in the next round.
                for each in watched if turn % 2 == 0 else reversed(watched):
                    await _post(bench, stage, books, each)
        await stage.check(books)
    _record(bench, watched)


async def _post(bench: Bench, stage: Stage, books: Books, watched: _Watched) -> None:
    seconds = max(1.0, bench.plan.phase_seconds / _ROUNDS)
    warm_up = _WARM_UP if books.posted else len(opening_pairs(COLD_ACCOUNTS))
    order = LoadOrder(
        watched.serving.port, stage.api_key, books.slug, _CLIENTS, COLD_ACCOUNTS, seconds, warm_up, is_keyed=False
    )
    used = watched.serving.cpu_seconds()
    result = await measured("load", order, stage.folder, LoadResult)
    # What is handed over in batches belongs to the posts that it is about.
    await asyncio.sleep(_SETTLING_SECONDS)
    posts = result.warm_up + result.answered
    books.posted += posts
    watched.rates.append(result.answered / result.seconds)
    watched.cpu_us.append(1e6 * (watched.serving.cpu_seconds() - used) / posts)


def _record(bench: Bench, watched: list[_Watched]) -> None:
    """Record the medians of the rounds, and of the ratios within each."""
    unwatched = watched[0]
    for each in watched:
        facts = {"cpu_us_per_post": statistics.median(each.cpu_us)}
        rate = statistics.median(each.rates)
        bench.record(Figure(SECTION, each.name, COLD_ACCOUNTS, rate, "tx/s", facts=facts))
        bench.record(Figure(SECTION, f"{each.name}, processor", COLD_ACCOUNTS, facts["cpu_us_per_post"], "µs"))
    for each, limit in zip(watched[1:], (_RATIO_MIN, None), strict=True):
        ratio = statistics.median(own / of for own, of in zip(each.rates, unwatched.rates, strict=True))
        target = None if limit is None else Target.AT_LEAST
        bench.record(Figure(SECTION, f"{each.name}, to nothing", COLD_ACCOUNTS, ratio, "ratio", target, limit))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])

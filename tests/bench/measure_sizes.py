"""Ledgers of several sizes, and few or many of them: what a post and a read take, and how much room entries take."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, cycle, islice
from typing import Final

import asyncpg

from application.ledger.post_transaction import PostTransaction
from application.ledger.readers import TransactionFilter
from application.ledger.spans import AsOf
from application.shared.pagination import PageRequest
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Permission
from tests.bench.bench import Bench
from tests.bench.figures import Figure
from tests.bench.plan import HOT_ACCOUNTS
from tests.bench.stage import Books, Stage
from tests.bench.workload import Pair, entries, path_of, random_pairs

SECTION: Final = "sizes"
_ACCOUNTS: Final = 100
_CALLERS: Final = 500
_CALLERS_OF_MANY: Final = 64
# A tenth of the longest history is the largest ledger here, and a thousandth of it the most ledgers.
_OF_HISTORY: Final = 10
_LEDGERS_OF_HISTORY: Final = 1_000
_ALL_TABLES: Final = """
SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


@dataclass(slots=True)
class _Ledger:
    """A ledger of so many entries, and how long each thing took that was done in it."""

    books: Books
    entries: int
    milliseconds: dict[str, list[float]] = field(default_factory=dict)


async def measure_sizes(bench: Bench) -> None:
    """Measure the section."""
    largest = bench.plan.history_entries // _OF_HISTORY
    async with bench.stage(SECTION) as stage:
        ledgers = [await _filled(bench, stage, so_many) for so_many in (largest // 100, largest // 10, largest)]
        await _by_turns(bench, stage, ledgers)
        for what in ledgers[0].milliseconds:
            medians = [statistics.median(ledger.milliseconds[what]) for ledger in ledgers]
            for ledger, median in zip(ledgers, medians, strict=True):
                bench.record(Figure(SECTION, f"{what}, {ledger.entries:,} entries", None, median, "ms"))
            bench.record(Figure(SECTION, f"{what}, largest to smallest", None, medians[-1] / medians[0], "ratio"))
    async with bench.stage("sizes-many") as stage:
        await _many(bench, stage, bench.plan.history_entries // _LEDGERS_OF_HISTORY)


async def _filled(bench: Bench, stage: Stage, so_many: int) -> _Ledger:
    books = await stage.new_books(f"of-{so_many}", _ACCOUNTS)
    before = await _bytes(stage)
    opening = [(number, number + 1) for number in range(0, _ACCOUNTS, 2)]
    pairs = islice(chain(opening, random_pairs(_ACCOUNTS, books.slug)), so_many // 2)
    with bench.phase(f"{SECTION}: writing {so_many:,} entries", count=so_many) as done:

        async def call() -> None:
            for pair in pairs:
                await _post(stage, books, pair)
                if books.posted % _CALLERS == 0:
                    done(2 * books.posted)

        await asyncio.gather(*[call() for _ in range(_CALLERS)])
    await stage.check(books)
    room = await _bytes(stage) - before
    name = f"room for a million entries, of {so_many:,}"
    bench.record(Figure(SECTION, name, None, room / so_many, "MB", facts={"bytes": room, "entries": so_many}))
    return _Ledger(books, so_many)


async def _bytes(stage: Stage) -> int:
    """How much room all tables take with their indexes, once what was written lies on disk."""
    connection = await asyncpg.connect(stage.urls.database_url)
    try:
        # As autovacuum would within minutes.
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        found: int = await connection.fetchval(_ALL_TABLES)
    finally:
        await connection.close()
    return found


async def _post(stage: Stage, books: Books, pair: Pair) -> None:
    command = PostTransaction(TransactionDraft(stage.services.ids.new("txn"), entries(pair)))
    await stage.services.journal.submit(stage.principal, books.slug, command, request_id="req_bench")
    books.posted += 1


async def _balance(stage: Stage, books: Books, pair: Pair) -> None:
    async with stage.services.ledgers.read(stage.principal, Permission.ACCOUNTS_READ) as reads:
        await reads.accounts.balances(books.slug, path_of(pair[0]), as_of=AsOf())


async def _page(stage: Stage, books: Books, pair: Pair) -> None:
    async with stage.services.ledgers.read(stage.principal, Permission.TRANSACTIONS_READ) as reads:
        await reads.transactions.transactions(books.slug, TransactionFilter(), PageRequest("-sequence", 50))


_DONE: Final[dict[str, Callable[[Stage, Books, Pair], Awaitable[None]]]] = {
    "one post": _post,
    "a balance": _balance,
    "a page of 50": _page,
}


async def _by_turns(bench: Bench, stage: Stage, ledgers: list[_Ledger]) -> None:
    """Do each thing in each ledger in turn, so that whatever else the machine does falls on all of them alike."""
    seconds = 3 * bench.plan.phase_seconds
    pairs = random_pairs(_ACCOUNTS, "by turns")
    with bench.phase(f"{SECTION}: by turns", seconds=seconds) as done:
        ends, turn = time.monotonic() + seconds, 0
        while time.monotonic() < ends:
            for what, do in _DONE.items():
                for ledger in ledgers:
                    began = time.perf_counter()
                    await do(stage, ledger.books, next(pairs))
                    # The first turn opens connections.
                    if turn:
                        ledger.milliseconds.setdefault(what, []).append((time.perf_counter() - began) * 1e3)
            turn += 1
            done(turn)
    for ledger in ledgers:
        await stage.check(ledger.books)


async def _many(bench: Bench, stage: Stage, most: int) -> None:
    """Post to one ledger, to some, and to very many, by as many callers."""
    ledgers: list[Books] = []
    rates = []
    for so_many in (1, 100, most):
        while len(ledgers) < so_many:
            ledgers.append(await stage.new_books(f"ledger-{len(ledgers)}", HOT_ACCOUNTS))
        seconds = bench.plan.phase_seconds
        with bench.phase(f"{SECTION}: posting to {so_many:,} ledgers", seconds=seconds) as done:
            rates.append(await _rate(stage, cycle(ledgers), seconds))
            done(sum(books.posted for books in ledgers))
        name = f"{_CALLERS_OF_MANY} callers, {so_many:,} {'ledger' if so_many == 1 else 'ledgers'}"
        bench.record(Figure(SECTION, name, None, rates[-1], "tx/s"))
    bench.record(Figure(SECTION, f"{most:,} ledgers to 100", None, rates[2] / rates[1], "ratio"))


async def _rate(stage: Stage, ledgers: Iterator[Books], seconds: float) -> float:
    pairs = random_pairs(HOT_ACCOUNTS, "many")
    began = time.perf_counter()
    answered = 0

    async def call() -> None:
        nonlocal answered
        while time.perf_counter() < began + seconds:
            await _post(stage, next(ledgers), next(pairs))
            answered += 1

    await asyncio.gather(*[call() for _ in range(_CALLERS_OF_MANY)])
    return answered / (time.perf_counter() - began)

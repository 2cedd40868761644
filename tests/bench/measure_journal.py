"""The journal in process: how fast, on cold and on hot accounts, while an export runs, and beside plain COPY."""

import asyncio
from typing import Final

from tests.bench.bench import Bench
from tests.bench.copying import copied
from tests.bench.exporting import ExportOrder, ExportResult
from tests.bench.figures import Figure, Target
from tests.bench.plan import BOTH, COLD_ACCOUNTS, HOT_ACCOUNTS
from tests.bench.posting import PostingOrder, PostingResult
from tests.bench.processes import measured, worker
from tests.bench.stage import Books, Stage

SECTION: Final = "journal"
COPY_NAME: Final = "ceiling: COPY of the same transactions"
_RATE_MIN: Final = 10_000
_HOT_TO_COLD_MIN: Final = 1.0
_TURNS: Final = 4
_BESIDE_EXPORT_MIN: Final = 0.85


async def measure_journal(bench: Bench) -> None:
    """Measure the section."""
    async with bench.stage(SECTION) as stage:
        for is_keyed in (False, True):
            name = "with idempotency keys" if is_keyed else "one process"
            prefix = "keyed" if is_keyed else "plain"
            ledgers = [await stage.new_books(f"{prefix}-{accounts}", accounts) for accounts in BOTH]
            rates = await _rates(bench, stage, ledgers, name, is_keyed=is_keyed)
            ratio = rates[HOT_ACCOUNTS] / rates[COLD_ACCOUNTS]
            hot = f"10 accounts to 10,000, {name}"
            bench.record(Figure(SECTION, hot, None, ratio, "ratio", Target.AT_LEAST, _HOT_TO_COLD_MIN))
            if not is_keyed:
                await _ceiling(bench, stage, ledgers[0], rates[COLD_ACCOUNTS])
                for books in ledgers:
                    await _beside_export(bench, stage, books)


async def _rates(bench: Bench, stage: Stage, ledgers: list[Books], name: str, *, is_keyed: bool) -> dict[int, float]:
    """Measure each ledger in turn, and again: what is compared has then seen the same times, good and bad."""
    results: dict[int, list[PostingResult]] = {books.accounts: [] for books in ledgers}
    for _ in range(_TURNS):
        for books in ledgers:
            seconds = bench.plan.phase_seconds / _TURNS
            results[books.accounts].append(await _posted(bench, stage, books, seconds, name, is_keyed=is_keyed))
    rates = {}
    for accounts, turns in results.items():
        answered, seconds = sum(turn.answered for turn in turns), sum(turn.seconds for turn in turns)
        rates[accounts] = answered / seconds
        facts = {
            "transactions": answered,
            "seconds": seconds,
            "warm_up_transactions": sum(turn.warm_up for turn in turns),
            "per_second_in_turn": [turn.answered / turn.seconds for turn in turns],
            "client_cpu_us_per_transaction": 1e6 * sum(turn.cpu_seconds for turn in turns) / answered,
        }
        bench.record(Figure(SECTION, name, accounts, rates[accounts], "tx/s", Target.AT_LEAST, _RATE_MIN, facts))
    return rates


def _posting_order(stage: Stage, books: Books, seconds: float, *, is_keyed: bool = False) -> PostingOrder:
    return PostingOrder(
        stage.urls.database_url,
        stage.urls.redis_url,
        str(stage.folder),
        stage.principal.organisation_id,
        books.slug,
        books.accounts,
        seconds,
        is_keyed,
        run=f"after {books.posted}",
    )


async def _posted(
    bench: Bench, stage: Stage, books: Books, seconds: float, label: str, *, is_keyed: bool = False
) -> PostingResult:
    order = _posting_order(stage, books, seconds, is_keyed=is_keyed)
    with bench.phase(f"{SECTION}: {label}, {books.accounts:,} accounts", seconds=seconds) as done:
        result = await measured("posting", order, stage.folder, PostingResult, done)
    await _count(stage, books, result)
    return result


async def _count(stage: Stage, books: Books, result: PostingResult) -> None:
    books.posted += result.warm_up + result.answered
    await stage.check(books)


async def _beside_export(bench: Bench, stage: Stage, books: Books) -> None:
    """Post alone, beside exports, and alone again: what else changes in the meantime counts half on either side."""
    seconds = bench.plan.export_seconds
    before = await _posted(bench, stage, books, seconds / 2, "alone")
    order = _posting_order(stage, books, seconds)
    export_order = ExportOrder(
        stage.urls.database_url,
        stage.urls.redis_url,
        str(stage.folder),
        stage.principal.organisation_id,
        books.slug,
        str(stage.folder / "export.ndjson"),
        seconds,
    )
    with bench.phase(f"{SECTION}: beside exports, {books.accounts:,} accounts", seconds=seconds) as done:
        async with (
            worker("posting", order, stage.folder) as posting,
            worker("exporting", export_order, stage.folder) as exporting,
        ):
            beside, exports = await asyncio.gather(
                posting.measure(PostingResult, done), exporting.measure(ExportResult)
            )
    await _count(stage, books, beside)
    after = await _posted(bench, stage, books, seconds / 2, "alone again")
    alone = (before.answered + after.answered) / (before.seconds + after.seconds)
    rate = beside.answered / beside.seconds
    facts = {
        "before_per_second": before.answered / before.seconds,
        "after_per_second": after.answered / after.seconds,
        "seconds": beside.seconds,
        "exports_begun": exports.begun,
        "export_mb_per_second": exports.bytes / exports.seconds / 1e6,
    }
    bench.record(
        Figure(SECTION, "beside exports", books.accounts, rate, "tx/s", facts=facts),
        Figure(
            SECTION,
            "beside exports, to alone",
            books.accounts,
            rate / alone,
            "ratio",
            Target.AT_LEAST,
            _BESIDE_EXPORT_MIN,
        ),
    )


async def _ceiling(bench: Bench, stage: Stage, books: Books, rate: float) -> None:
    """Copy what the journal has just written, as it is: PostgreSQL can't store the same rows faster."""
    with bench.phase("journal: the same rows by COPY"):
        copy = await copied(stage, books, bench.plan.copied_transactions_max)
    copy_rate = copy.transactions / copy.seconds
    facts = {"transactions": copy.transactions, "rows": copy.rows, "seconds": copy.seconds}
    bench.record(
        Figure(
            SECTION, "ceiling: COPY of the same rows", books.accounts, copy.rows / copy.seconds, "rows/s", facts=facts
        ),
        Figure(SECTION, COPY_NAME, books.accounts, copy_rate, "tx/s", facts=facts),
        Figure(SECTION, "one process, to COPY", books.accounts, rate / copy_rate, "ratio"),
    )

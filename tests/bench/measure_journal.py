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
_BESIDE_EXPORT_MIN: Final = 0.85


async def measure_journal(bench: Bench) -> None:
    """Measure the section."""
    async with bench.stage(SECTION) as stage:
        for is_keyed in (False, True):
            name = "with idempotency keys" if is_keyed else "one process"
            rates = {}
            for accounts in BOTH:
                books = await stage.new_books(f"{'keyed' if is_keyed else 'plain'}-{accounts}", accounts)
                rates[accounts] = await _rate(bench, stage, books, name, is_keyed=is_keyed)
                if not is_keyed:
                    await _beside_export(bench, stage, books)
                    if accounts == COLD_ACCOUNTS:
                        await _ceiling(bench, stage, books, rates[accounts])
            ratio = rates[HOT_ACCOUNTS] / rates[COLD_ACCOUNTS]
            hot = f"10 accounts to 10,000, {name}"
            bench.record(Figure(SECTION, hot, None, ratio, "ratio", Target.AT_LEAST, _HOT_TO_COLD_MIN))


async def _rate(bench: Bench, stage: Stage, books: Books, name: str, *, is_keyed: bool) -> float:
    seconds = bench.plan.phase_seconds
    result = await _posted(bench, stage, books, seconds, name, is_keyed=is_keyed)
    rate = result.answered / result.seconds
    facts = {
        "transactions": result.answered,
        "seconds": result.seconds,
        "warm_up_transactions": result.warm_up,
        "client_cpu_us_per_transaction": 1e6 * result.cpu_seconds / result.answered,
    }
    bench.record(Figure(SECTION, name, books.accounts, rate, "tx/s", Target.AT_LEAST, _RATE_MIN, facts))
    return rate


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

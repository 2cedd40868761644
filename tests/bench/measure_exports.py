"""Exports in all formats: how fast, and in how much memory."""

from typing import Final

from application.interchange.formats import ExportFormat
from tests.bench.bench import Bench
from tests.bench.exporting import ExportOrder, ExportResult
from tests.bench.figures import Figure, Target
from tests.bench.plan import COLD_ACCOUNTS
from tests.bench.posting import PostingOrder, PostingResult
from tests.bench.processes import measured
from tests.bench.stage import Books, Stage

SECTION: Final = "exports"
_RATE_MIN: Final = 30_000
_GROWN_MB_MAX: Final = 50


async def measure_exports(bench: Bench) -> None:
    """Measure the section."""
    async with bench.stage(SECTION) as stage:
        books = await stage.new_books("exports", COLD_ACCOUNTS)
        await _post(bench, stage, books)
        for written_as in ExportFormat:
            seconds = bench.plan.phase_seconds
            order = ExportOrder(
                stage.urls.database_url,
                stage.urls.redis_url,
                str(stage.folder),
                stage.principal.organisation_id,
                books.slug,
                str(stage.folder / "export"),
                seconds,
                written_as.value,
            )
            with bench.phase(f"{SECTION}: {written_as.value}", seconds=seconds) as done:
                result = await measured("exporting", order, stage.folder, ExportResult, done)
            _record(bench, written_as, books, result)


async def _post(bench: Bench, stage: Stage, books: Books) -> None:
    order = PostingOrder(
        stage.urls.database_url,
        stage.urls.redis_url,
        str(stage.folder),
        stage.principal.organisation_id,
        books.slug,
        books.accounts,
        bench.plan.phase_seconds,
        is_keyed=False,
        run="exports",
    )
    with bench.phase(f"{SECTION}: posting what is exported", seconds=bench.plan.phase_seconds) as done:
        posted = await measured("posting", order, stage.folder, PostingResult, done)
    books.posted += posted.warm_up + posted.answered
    await stage.check(books)


def _record(bench: Bench, written_as: ExportFormat, books: Books, result: ExportResult) -> None:
    # Of the events, some open the accounts.
    transactions = result.events * books.posted / (books.posted + books.accounts)
    name = written_as.value
    facts = {
        "events": result.events,
        "exports_begun": result.begun,
        "bytes": result.bytes,
        "cpu_us_per_transaction": 1e6 * result.cpu_seconds / transactions,
    }
    rate = transactions / result.seconds
    grown = result.grown_bytes / 1e6
    bench.record(
        Figure(SECTION, name, books.accounts, rate, "tx/s", Target.AT_LEAST, _RATE_MIN, facts),
        Figure(SECTION, f"{name}, memory grown by", books.accounts, grown, "MB", Target.AT_MOST, _GROWN_MB_MAX),
    )

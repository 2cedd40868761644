"""Exports of a ledger, one after the other, into a file: what the journal should hardly notice."""

import time
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded import ServerUrls
from application.interchange.export_ledger import export_ledger
from application.interchange.formats import FORMATS, ExportFormat
from application.ledger.log import always, read_head
from domain.shared.access import Principal
from entrypoints.container import opened
from entrypoints.settings import Settings
from tests.bench.worker import Benchmark, main


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """Which ledger to export into which file, again and again, for how long."""

    database_url: str
    redis_url: str
    folder: str
    organisation_id: int
    ledger: str
    file: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ExportResult:
    """How many exports were begun, and how many bytes they wrote; the last one was broken off."""

    begun: int
    bytes: int
    seconds: float


async def measure(order: ExportOrder, benchmark: Benchmark) -> ExportResult:
    """Export until the time is over."""
    principal = Principal(order.organisation_id, "system:bench")
    urls = ServerUrls(order.database_url, order.redis_url)
    async with opened(Settings(data_dir=Path(order.folder)), urls) as container:
        work = container.ledger_work()
        await read_head(work, principal, order.ledger)
        await benchmark.ready()
        began = time.perf_counter()
        begun = written = 0
        while time.perf_counter() - began < order.seconds:
            begun += 1
            until = (await read_head(work, principal, order.ledger)).sequence
            with Path(order.file).open("wb") as stream:
                written_as = FORMATS[ExportFormat.NDJSON].begin()
                async for lines in export_ledger(work, always(principal), order.ledger, written_as, until=until):
                    written += stream.write(lines)
                    if time.perf_counter() - began >= order.seconds:
                        break
    return ExportResult(begun, written, time.perf_counter() - began)


if __name__ == "__main__":
    main(ExportOrder, measure)

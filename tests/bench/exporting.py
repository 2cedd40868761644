"""Exports of a ledger, one after the other, into a file: what the journal should hardly notice."""

import os
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
    """Which ledger to export into which file, again and again, for how long, and in which format."""

    database_url: str
    redis_url: str
    folder: str
    organisation_id: int
    ledger: str
    file: str
    seconds: float
    written_as: str = ExportFormat.NDJSON.value


@dataclass(frozen=True, slots=True)
class ExportResult:
    """How many exports were begun, and how many bytes they wrote of how many events; the last one was broken off.

    `grown_bytes` is how much more memory the process held at its highest than before the first one.
    """

    begun: int
    bytes: int
    seconds: float
    events: int
    cpu_seconds: float
    grown_bytes: int


async def measure(order: ExportOrder, benchmark: Benchmark) -> ExportResult:
    """Export until the time is over."""
    principal = Principal(order.organisation_id, "system:bench")
    urls = ServerUrls(order.database_url, order.redis_url)
    async with opened(Settings(data_dir=Path(order.folder)), urls) as container:
        work = container.ledger_work()
        await read_head(work, principal, order.ledger)
        await benchmark.ready()
        held = highest = _resident_bytes()
        began, cpu_began = time.perf_counter(), time.process_time()
        begun = written = events = 0
        done = 0

        def progress(sequence: int, _: int) -> None:
            nonlocal done, highest
            done, highest = sequence, max(highest, _resident_bytes())

        while time.perf_counter() - began < order.seconds:
            begun += 1
            until = (await read_head(work, principal, order.ledger)).sequence
            written_as = FORMATS[ExportFormat(order.written_as)].begin()
            parts = export_ledger(work, always(principal), order.ledger, written_as, until=until, progress=progress)
            with Path(order.file).open("wb") as stream:
                async for part in parts:
                    written += stream.write(part)
                    if time.perf_counter() - began >= order.seconds:
                        break
            events, done = events + done, 0
            benchmark.progress(events)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return ExportResult(begun, written, seconds, events, cpu_seconds, highest - held)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(ExportOrder, measure)

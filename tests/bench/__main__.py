"""`python -m tests.bench`, which is `make bench`."""

import asyncio
import dataclasses
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from adapters.embedded import EmbeddedServers, EmbeddedServersError
from entrypoints.settings import Settings
from tests.bench.bench import Bench
from tests.bench.failures import BenchFailed
from tests.bench.figures import Report
from tests.bench.machine import QUIET_LOAD_MAX, Machine, this_machine
from tests.bench.measure_access import measure_access
from tests.bench.measure_attachments import measure_attachments
from tests.bench.measure_bulk import measure_bulk
from tests.bench.measure_exports import measure_exports
from tests.bench.measure_import import measure_import
from tests.bench.measure_journal import measure_journal
from tests.bench.measure_journals import measure_journals
from tests.bench.measure_posts import measure_posts
from tests.bench.measure_reads import measure_reads
from tests.bench.measure_realtime import measure_realtime
from tests.bench.measure_sizes import measure_sizes
from tests.bench.measure_telemetry import measure_telemetry
from tests.bench.measure_time_travel import measure_time_travel
from tests.bench.measure_webhooks import measure_webhooks
from tests.bench.plan import Plan, plan
from tests.bench.sections import Section
from tests.bench.stage import postgresql_version

_INTERRUPTED: Final = 130
# Of a file or a pipe, where no terminal says how wide it is.
_WIDTH: Final = 120


_MEASURES: Final[dict[Section, Callable[[Bench], Awaitable[None]]]] = {
    Section.ACCESS: measure_access,
    Section.JOURNAL: measure_journal,
    Section.BULK: measure_bulk,
    Section.POSTS: measure_posts,
    Section.READS: measure_reads,
    Section.IMPORT: measure_import,
    Section.JOURNALS: measure_journals,
    Section.EXPORTS: measure_exports,
    Section.TIME_TRAVEL: measure_time_travel,
    Section.WEBHOOKS: measure_webhooks,
    Section.REALTIME: measure_realtime,
    Section.ATTACHMENTS: measure_attachments,
    Section.TELEMETRY: measure_telemetry,
    Section.SIZES: measure_sizes,
}


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Shorten every phase: to try it out, not to quote.")] = False,
    only: Annotated[list[Section] | None, typer.Option("--only", help="Measure this section; repeatable.")] = None,
    import_count: Annotated[
        int | None, typer.Option(min=1, help="How many transactions to import.", show_default="1,000,000")
    ] = None,
    history_entries: Annotated[
        int | None,
        typer.Option(min=10_000, help="How many entries the longest history has.", show_default="10,000,000"),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, max=600, help="How long a phase is.", show_default="20")
    ] = None,
) -> None:
    """Measure how fast Partita is on this machine; print a table, and write it to bench.json in the data folder.

    Servers of its own run in a temporary folder (TMPDIR says where), one section after the other.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    chosen = plan(is_quick=quick, phase_seconds=seconds, import_count=import_count, history_entries=history_entries)
    file = Settings().data_dir / "bench.json"
    try:
        with tempfile.TemporaryDirectory(prefix="partita-bench-", ignore_cleanup_errors=True) as folder:
            report = asyncio.run(_run(chosen, only or list(Section), Path(folder), console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped; nothing was written.")
        sys.exit(_INTERRUPTED)
    except (BenchFailed, EmbeddedServersError) as failure:
        Console(stderr=True).print(str(failure), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    report.save(file)
    console.print(report.table())
    console.print(f"{len(report.missed)} targets missed. All of it stands in {file}.", highlight=False)


async def _run(chosen: Plan, sections: list[Section], folder: Path, console: Console) -> Report:
    """Measure the sections. SIGTERM and SIGHUP end it as Ctrl-C does: everything it started is stopped."""
    measuring = asyncio.current_task()
    assert measuring is not None
    for order in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(order, measuring.cancel)
    machine = await _machine(folder, console)
    conditions = {"plan": dataclasses.asdict(chosen), "sections": [section.value for section in sections]}
    report = Report(machine, conditions)
    for section in sections:
        await _MEASURES[section](Bench(chosen, report, folder, console))
    return report


async def _machine(folder: Path, console: Console) -> Machine:
    with EmbeddedServers(folder / "machine") as embedded:
        machine = this_machine(await postgresql_version(embedded.urls), folder)
    console.print(f"Partita on {machine.summary}", highlight=False)
    if machine.load > QUIET_LOAD_MAX:
        console.print(f"[yellow]This machine is not quiet: its load is {machine.load:.2f}.", highlight=False)
    if machine.file_system in ("tmpfs", "ramfs"):
        console.print("[yellow]The database is in memory: set TMPDIR to a folder on a disk.", highlight=False)
    return machine


if __name__ == "__main__":
    typer.run(bench)

"""A run of the benchmark: its plan, its report, its folder, and what is shown of it meanwhile."""

import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench.figures import Figure, Report
from tests.bench.plan import Plan
from tests.bench.stage import Stage, stage

Done = Callable[[int], None]
"""Told how many transactions or requests are done."""


class Bench:
    """What the sections share."""

    def __init__(self, plan: Plan, report: Report, folder: Path, console: Console) -> None:
        self.plan = plan
        self._report = report
        self._folder = folder
        self._console = console

    def record(self, *figures: Figure) -> None:
        """Keep figures, and show them."""
        for figure in figures:
            self._report.figures.append(figure)
            accounts = "" if figure.accounts is None else f", {figure.accounts:,} accounts"
            target = {True: f"  ({figure.target_shown})", False: f"  [red]({figure.target_shown})", None: ""}
            name = f"{figure.section}: {figure.name}{accounts}"
            self._console.print(
                f"{name:<72} {figure.shown:>16}{target[figure.is_reached]}", highlight=False, soft_wrap=True
            )

    def find(self, section: str, name: str, accounts: int) -> Figure | None:
        """Return a figure that was recorded before, if it was."""
        return self._report.find(section, name, accounts)

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[Stage]:
        """Start servers for a section, in a folder of its own; stop them afterwards."""
        folder = self._folder / name
        async with AsyncExitStack() as stack:
            with self.phase(f"{name}: starting servers"):
                ready = await stack.enter_async_context(stage(folder))
            yield ready
        # Gigabytes, which the sections to come may need.
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def phase(self, label: str, *, seconds: float | None = None, count: int | None = None) -> Iterator[Done]:
        """Show how far a phase is, which takes so many seconds, or has so much to do."""
        if not self._console.is_terminal:
            yield lambda so_far: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[speed]}"))
        began: float | None = None
        # Twice a second costs the server next to nothing.
        with Progress(
            *columns, TimeElapsedColumn(), console=self._console, transient=True, refresh_per_second=2
        ) as bar:
            task = bar.add_task(label, total=seconds or count, speed="")

            def done(so_far: int) -> None:
                # What came before the first word was preparation.
                nonlocal began
                began = began or time.monotonic()
                passed = time.monotonic() - began
                speed = f"{so_far:,}, {so_far / max(passed, 0.5):,.0f}/s"
                bar.update(task, completed=passed if count is None else so_far, speed=speed)

            yield done

"""The machine and the software that the figures are of."""

import os
import platform
import re
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

# Beyond this, something else is at work, and the figures are not Partita's alone.
QUIET_LOAD_MAX: Final = 0.3


@dataclass(frozen=True, slots=True)
class Machine:
    """What a figure depends on. `load` is the load average of the last minute before the run."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    file_system: str
    python: str
    postgresql: str
    revision: str
    date: str
    load: float

    @property
    def summary(self) -> str:
        """The machine in a line."""
        return (
            f"{self.processor}, {self.cores} cores, Python {self.python}, PostgreSQL {self.postgresql}, "
            f"revision {self.revision[:12]}{'+' if self.revision.endswith('+') else ''}, {self.date}"
        )


def this_machine(postgresql: str, folder: Path) -> Machine:
    """Return what can be found out; `folder` is where the database will be."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        system=f"{platform.system()} {platform.release()}",
        file_system=_file_system(folder),
        python=platform.python_version(),
        postgresql=postgresql,
        revision=_revision(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        load=os.getloadavg()[0],
    )


def _processor() -> str:
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found is not None:
            return found[1]
    return _said("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """Return the type of the file system: on one in memory, a commit costs nothing, and no figure means anything."""
    with suppress(OSError):
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        around = [mount for mount in mounts if folder.resolve().is_relative_to(mount[1])]
        if around:
            return max(reversed(around), key=lambda mount: len(mount[1]))[2]
    return "unknown"


def _revision() -> str:
    """Return the git revision, with a + where the files are not as committed."""
    revision = _said("git", "rev-parse", "HEAD")
    return (revision or "unknown") + ("+" if _said("git", "status", "--porcelain") else "")


def _said(*command: str) -> str:
    with suppress(OSError):
        told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
        return told.stdout.strip()
    return ""

"""Installing an extension as pip would: what says that it is there, in a folder that Python looks in."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SAMPLE = "tests.entrypoints.extending.sample:extension"


@contextmanager
def installed(folder: Path, *packages: Mapping[str, str]) -> Iterator[None]:
    """Have these packages installed, each with its entry points by name, for as long as this lasts."""
    for number, entries in enumerate(packages):
        metadata = folder / f"package_{number}-1.{number}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.{number}\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[partita.extensions]", *lines, ""]))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        importlib.invalidate_caches()

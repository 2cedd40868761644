"""Puts probes into Partita as it is loaded, and writes down at the end which lines and branches were run.

Python runs this file at the start of each process whose PYTHONPATH names this folder. Before Python 3.12 a program can
be watched from outside only by a tracer, which makes the tests take twice as long; probes hardly cost anything.

MEASURED_INTO   the folder for what is written down; without it, nothing is measured
MEASURED_PARTS  folders of the repository, with spaces in between: what lies in no other is not measured
"""

import ast
import atexit
import json
import os
import secrets
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parents[2]


def measure(folder: Path, parts: list[str]) -> None:
    """Measure what is loaded from now on."""
    from slipcover import Slipcover, branch
    from slipcover.config import read_config

    prefixes = tuple(f"{ROOT / part}{os.sep}" for part in parts)
    read_otherwise = SourceFileLoader.get_code
    excluded = read_config(ROOT / "pyproject.toml")["exclude-also"]
    probes = Slipcover(branch=True, immediate=True, exclude_also=excluded)

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        file = loader.get_filename(name)
        if not file.startswith(prefixes):
            return read_otherwise(loader, name)
        marked: Any = branch.preinstrument(ast.parse(loader.get_data(file)))
        code: CodeType = probes.instrument(compile(marked, file, "exec", dont_inherit=True))
        return code

    def write_down() -> None:
        if not folder.exists():
            return  # the tests were interrupted, and nobody waits for it
        os.chdir(ROOT)  # paths are named from here
        (folder / f"{os.getpid()}-{secrets.token_hex(4)}.json").write_text(json.dumps(probes.get_coverage()))

    SourceFileLoader.get_code = get_code  # type: ignore[assignment, method-assign] # every way to load a source passes here
    atexit.register(write_down)


if "MEASURED_INTO" in os.environ:
    measure(Path(os.environ["MEASURED_INTO"]), os.environ["MEASURED_PARTS"].split())

"""The tour in the README: its commands, run as they stand there, and what they are said to answer."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tests.docs.pages import ROOT, fenced

_BETWEEN: Final = "----- next step -----"
# What differs from one run to the next.
_MASKS: Final = (
    (re.compile(r"\b(txn|req|evt|key|hold)_[0-9a-z]{26}\b"), r"\1_…"),
    (re.compile(r"\bptk_[0-9]+_[0-9A-Za-z]{38}"), "ptk_…"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "a time"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "a hash"),
    (re.compile(r"\bthe key [0-9A-Za-z_-]{43}\b"), "the key …"),
    (re.compile(r"\b127\.0\.0\.1:\d+"), "127.0.0.1:…"),
)


@dataclass(frozen=True)
class Step:
    """Commands of the tour, and what stands below them."""

    commands: str
    said: str
    is_json: bool


def welcome() -> str:
    """Return what the README says that `make run` prints."""
    return next(text for kind, text in fenced(_readme()) if kind == "text")


def steps() -> list[Step]:
    """Return the tour, step by step; the block that follows on commands is what they print."""
    blocks = fenced(_readme())
    return [
        Step(commands, said, following == "json")
        for (kind, commands), (following, said) in pairwise(blocks)
        if kind == "sh"
    ]


def run(tour: Sequence[Step], folder: Path, data: Path) -> list[str]:
    """Run all steps in one shell, in a folder that looks as a checkout does, and return what each of them printed."""
    for name, target in ((".partita", data), (".venv", Path(sys.prefix)), ("tests", ROOT / "tests")):
        (folder / name).symlink_to(target)
    script = f"\necho '{_BETWEEN}'\n".join(step.commands for step in tour)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARTITA_", "DATABASE", "REDIS"))}
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.split(f"{_BETWEEN}\n")


def masked(text: str) -> str:
    """Return the text without what differs from one run to the next."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text.strip()


def masked_json(text: str) -> Any:
    """Return what the JSON says without what differs from one run to the next."""
    return json.loads(masked(text))


def _readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")

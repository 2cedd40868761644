"""What stands in docs/exports.md is run as it stands there, and answers what is said there."""

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests import programs
from tests.books.other_programs import PACKAGES
from tests.docs.pages import ROOT, fenced
from tests.entrypoints.cli.conftest import Partita

BOOK = {
    "reference": "order-1",
    "description": "A book",
    "effective_at": "2026-03-01T09:30:00Z",
    "metadata": {"order": "1"},
    "entries": [
        {"account": "assets:bank", "direction": "debit", "amount": "12.50", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "12.50", "asset": "EUR"},
    ],
}
# What differs from one run to the next.
MASKS = (r"\btxn_[0-9a-z]{26}\b", r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", r"\b[0-9a-f]{64}\b")


def masked(text: str) -> str:
    for mask in MASKS:
        text = re.sub(mask, "…", text)
    return text


def test_the_page_says_what_happens(
    database: str, partita: Partita, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.ndjson").write_text(json.dumps(BOOK) + "\n")
    assert partita("import", "book.ndjson").code == 0
    page = (ROOT / "docs" / "exports.md").read_text("utf-8")
    blocks = [*fenced(page), ("", "")]
    steps = [(commands, said, of_said) for (kind, commands), (of_said, said) in pairwise(blocks) if kind == "sh"]
    assert len(steps) == 4
    for commands, said, of_said in steps:
        answers = [answer(partita, command) for command in commands.splitlines()]
        if of_said == "text" and None not in answers:
            assert masked("".join(map(str, answers))) == masked(said)


def answer(partita: Partita, command: str) -> str | None:
    """What a command answers; None, where it is of a program that is not there."""
    program, *arguments = re.findall(r'(?<=")[^"]+(?=")|[^\s"]+', command)
    if program == "partita":
        said = partita(*arguments)
        assert said.code == 0, f"{command}: {said.err}"
        return said.out
    if program in PACKAGES and programs.install(PACKAGES[program], [program]) is not None:
        return None
    done = subprocess.run([program, *arguments], capture_output=True, check=True)
    return done.stdout.decode()

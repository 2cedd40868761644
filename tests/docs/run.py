"""Runs the blocks of pages as they stand there: each page in a shell and an organisation of its own, on one server."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from shlex import quote
from typing import Final

from tests.docs.answers import is_as_shown
from tests.docs.blocks import Block
from tests.docs.pages import ROOT
from tests.journeys.demo_server import DemoServer

RUN: Final = ("sh", "http", "python")
ANSWERS: Final = ("json", "text")
PAGE_SECONDS: Final = 90
_DONE: Final = "----- done"
# What readers need not be told again: where the server is, who asks, and the books. What would follow events for ever
# ends when nothing comes for a while, and a command that fails is noticed, also where others follow it.
_BEFORE: Final = """\
export SERVER={place.server} URL={place.server} KEY={place.key} BOOKS={place.server}/v1/ledgers/main
FIRST_KEY={place.first_key}
ask() {{ curl -sS -w '\\n' -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@"; }}
curl() {{
  case " $* " in
    *" -N "*/events*)
      local patience=30 line
      while IFS= read -r -t "$patience" line; do
        printf '%s\\n' "$line"; patience=3
      done < <(command curl -s "$@" 2>&-) ;;
    *" -f"*) command curl "$@" ;;
    *) command curl -s --fail-with-body "$@" --no-show-error ;;
  esac
}}
set -E; trap 'failed=yes' ERR
"""
# What shows that something is refused, or found to be wrong.
_REFUSED: Final = re.compile(r'"type": "/problems/|^partita: ', re.MULTILINE)
_REQUEST: Final = re.compile(
    r"(?P<method>[A-Z]+) +(?P<path>/\S+)\n(?P<headers>([\w-]+: [^\n]*\n)*)\n*(?P<body>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Step:
    """Commands that stand for a block, and the block below it that shows what they print."""

    block: Block
    commands: str
    answer: Block | None


@dataclass(frozen=True)
class Place:
    """The folder of a page, which looks as a checkout with a running server does, and keys: its own, and the demo's."""

    folder: Path
    server: str
    key: str
    first_key: str


def steps(blocks: Sequence[Block]) -> list[Step]:
    """Return what of a page is run, in order."""
    found = []
    for block, following in zip_longest(blocks, blocks[1:]):
        commands = _commands(block)
        if commands is not None:
            shows = following is not None and following.follows and following.kind in ANSWERS and not following.mark
            found.append(Step(block, commands, following if shows else None))
    return found


def _commands(block: Block) -> str | None:
    kind, _, rest = block.mark.partition(" ")
    if kind == "send":
        route, path, header = (*rest.split(" ", 2), "")[:3]
        return _request(f"{route} {path}\n{header}\n\n{block.text}" if header else f"{route} {path}\n\n{block.text}")
    if block.mark or block.kind not in RUN:
        return None
    if block.kind == "http":
        return _request(block.text)
    if block.kind == "python":
        return f"python - <<'END OF PROGRAM'\n{block.text}END OF PROGRAM"
    return block.text


def _request(text: str) -> str:
    found = _REQUEST.fullmatch(text)
    assert found is not None, f"no request: {text}"
    words = ["ask", "-g", "-X", found["method"], *(f"-H{line}" for line in found["headers"].splitlines())]
    words += ["-d", found["body"]] if found["body"] else []
    return f'{" ".join(map(quote, words))} "$SERVER{found["path"]}"'


def run(page: Iterable[Step], place: Place) -> list[str]:
    """Run the steps of a page in one shell, and return what is wrong with them."""
    listed = list(page)
    script = _BEFORE.format(place=place)
    for step in listed:
        script += f"failed=\n{step.commands.rstrip()}\nprintf '\\n{_DONE} %s\\n' \"$failed\"\n"
    file = place.folder / "page.sh"
    file.write_text(script, "utf-8")
    printed, rest = _printed(file, place)
    wrong = [f"{file.parent.name} ended early: {rest}"] if len(printed) != 2 * len(listed) else []
    for step, answer, failed in zip(listed, printed[::2], printed[1::2], strict=False):
        wrong += _wrong(step, answer, bool(failed))
    return wrong


def _printed(script: Path, place: Place) -> tuple[list[str], str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PARTITA_", "DATABASE", "REDIS"))}
    with subprocess.Popen(
        ["bash", str(script)],
        cwd=place.folder,
        env=kept | {"PATH": f"{place.folder / '.venv' / 'bin'}:{Path(sys.prefix) / 'bin'}:{kept['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        end = threading.Timer(PAGE_SECONDS, os.killpg, (shell.pid, signal.SIGKILL))
        end.start()
        try:
            said, _ = shell.communicate()
        finally:
            end.cancel()
    *printed, rest = re.split(rf"\n{_DONE} (.*)\n", said)
    return printed, rest


def _wrong(step: Step, answer: str, failed: bool) -> list[str]:
    shown = step.answer
    if shown is not None and not is_as_shown(answer, shown.text, is_json=shown.kind == "json"):
        return [f"{shown.place} shows something else than\n{answer}"]
    may_fail = shown is not None and _REFUSED.search(shown.text)
    return [f"{step.block.place} does not work:\n{answer}"] if failed and not may_fail else []


def laid_out(folder: Path, server: DemoServer, programs: Path, organisation: int, key: str) -> Place:
    """Make the folder of a page: a checkout to look at, whose server's demo is the page's organisation."""
    (folder / ".partita").mkdir(parents=True)
    for file in server.data.iterdir():
        if file.name != "demo.json":
            (folder / ".partita" / file.name).symlink_to(file)
    own = server.demo | {"organisation": str(organisation), "api_key": key}
    (folder / ".partita" / "demo.json").write_text(json.dumps(own, indent=2))
    (folder / ".venv").mkdir()
    for name, target in ((".venv/bin", programs), ("tests", ROOT / "tests"), ("mail.txt", server.said_in)):
        (folder / name).symlink_to(target)
    return Place(folder, server.demo["url"], key, server.demo["api_key"])

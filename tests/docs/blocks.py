"""The blocks of code in the pages, and what the pages say of them in comments that nobody sees.

A comment directly above a block says what is done with it:

- `<!-- send POST /v1/… -->`: this JSON is the body of that request, which is accepted;
- `<!-- as Problem -->`: this JSON is valid by that schema of the OpenAPI or AsyncAPI document;
- `<!-- run by tests/… -->`: that test takes the block from the page, and runs it;
- `<!-- not run: … -->`: why it cannot be run by a test.

`<!-- run` with commands below it, and `-->` after them, is a block that readers do not need to see: what comes before
an example, for instance. Without a comment, `sh`, `http` and `python` are run, and `json` or `text` directly below them
is what they print.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT

_PIECES: Final = re.compile(
    r"^<!-- run\n(?P<unseen>.*?)^-->$"
    r"|^ *<!-- (?P<mark>(?:send|as|run by|not run:) .*?) -->$"
    r"|^(?P<indent> *)```(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$"
    r"|^(?P<prose>[^\n]*\S[^\n]*)$",
    re.MULTILINE | re.DOTALL,
)
_INDENTED: Final = re.compile(r"^ {4,}\S")
_OF_A_LIST: Final = re.compile(r"^ *([-*]|\d+\.) ")


@dataclass(frozen=True)
class Block:
    """A block, what it is, and what its page says of it."""

    page: str
    line: int
    kind: str
    text: str
    mark: str = ""
    follows: bool = False
    """Whether nothing but its mark is between it and the block before."""

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


def named(page: Path) -> str:
    """Return how a page is called."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order, those that nobody sees among them."""
    return list(blocks_of(named(page), page.read_text("utf-8")))


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """Yield the blocks of a text in order."""
    mark, follows = "", False
    for found in _PIECES.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found["mark"]:
            mark = found["mark"]
        elif found["prose"]:
            mark, follows = "", False
        else:
            seen = found["unseen"] is None
            written = textwrap.dedent(found["text"]) if seen else found["unseen"]
            yield Block(page, line, found["kind"] if seen else "sh", written, mark, follows)
            mark, follows = "", True


def without_fences(text: str) -> list[int]:
    """Return the lines on which code begins that is only indented, and so says not what it is."""
    found, before, in_list = [], "", False
    for number, line in enumerate(_PIECES.sub(_blank, text).split("\n"), 1):
        if line and not line.startswith(" "):
            in_list = bool(_OF_A_LIST.match(line))
        if _INDENTED.match(line) and not before.strip() and not in_list:
            found.append(number)
        before = line
    return found


def _blank(found: re.Match[str]) -> str:
    return found[0] if found["prose"] else "\n" * found[0].count("\n")


def without_marks(text: str) -> str:
    """Return a page without what its blocks say of themselves, for those who only read it."""
    return _PIECES.sub(lambda found: "" if found["mark"] or found["unseen"] is not None else found[0], text)

"""The project's words: every page of Markdown, and what can be taken out of one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """Return the pages that belong to the project; those of its tools and of a data folder do not."""
    top = sorted(ROOT.glob("*.md"))
    return top + [page for folder in ("docs", "tests") for page in sorted((ROOT / folder).rglob("*.md"))]


def fenced(text: str) -> Iterator[tuple[str, str]]:
    """Yield each fenced block: what its fence says that it is, and its lines."""
    for match in _FENCE.finditer(text):
        yield match.group(1), match.group(2)


def prose(text: str) -> str:
    """Return the text without its fenced blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Return where the links of a page lead."""
    return _LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """Return what the headings of a page can be linked by."""
    return {_anchor(heading) for heading in _HEADING.findall(prose(text))}


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")

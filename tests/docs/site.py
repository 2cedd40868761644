"""The site of the documentation: `python -m tests.docs.site` (`make docs`) builds it in `build/site`.

Its pages are those in `docs` and the README, as they are read in the repository as well, and the reference, which the
code says of itself. They are put together in `build/docs`, where links between them lead to their places in the site;
links to files that are no pages are left out. A link that leads nowhere ends the building.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from tests.docs import reference
from tests.docs.blocks import without_marks
from tests.docs.pages import ROOT

CONFIGURATION: Final = ROOT / "zensical.toml"
# Pages beside `docs`, and where they stand in the site.
FROM_ROOT: Final = {
    "README.md": "tour.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security/reporting.md",
}
_FENCED: Final = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!\w+:)([^)\s#]*)(#[^)\s]*)?\)")
_NUMBERED: Final = re.compile(r"^\d+\. ")


def places() -> dict[str, str]:
    """Return where each page of the repository, and each file beside them, stands in the site."""
    docs = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*")) if path.is_file())
    return FROM_ROOT | {path: _in_site(path.removeprefix("docs/")) for path in docs}


def _in_site(path: str) -> str:
    return re.sub(r"(^|/)README\.md$", r"\1index.md", path)


def staged() -> Iterator[tuple[str, str]]:
    """Yield each file of the site before it is built: its place, and what is in it."""
    of_site = places()
    for path, place in of_site.items():
        text = (ROOT / path).read_text("utf-8")
        yield place, _page(text, PurePosixPath(path), of_site) if place.endswith(".md") else text
    for name, text in reference.files():
        yield f"reference/{name}", text


def _page(text: str, path: PurePosixPath, of_site: dict[str, str]) -> str:
    here = PurePosixPath(of_site[str(path)]).parent

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if not target:
            return found[0]
        place = of_site.get(os.path.normpath(path.parent / target))
        return f"[{words}]({os.path.relpath(place, here)}{anchor})" if place else words

    parts = _FENCED.split(without_marks(text))
    return _deeper("".join(part if number % 2 else _LINK.sub(link, part) for number, part in enumerate(parts)))


def _deeper(text: str) -> str:
    """What belongs to a numbered item is indented by three where the repository shows it, and by four for the site."""
    lines, in_item = [], False
    for line in text.split("\n"):
        if line and not line.startswith(" "):
            in_item = bool(_NUMBERED.match(line))
        lines.append(f" {line}" if in_item and line.startswith("   ") else line)
    return "\n".join(lines)


def build(folder: Path = ROOT) -> int:
    """Put the pages together below a folder and build the site of them; return the exit code of the builder."""
    pages = folder / "build" / "docs"
    shutil.rmtree(pages, ignore_errors=True)
    for place, text in staged():
        file = pages / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    if folder != ROOT:
        shutil.copy(CONFIGURATION, folder)
    builder = Path(sys.executable).with_name("zensical")
    return subprocess.run([builder, "build", "--strict", "--clean"], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(build())

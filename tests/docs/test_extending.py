"""What the page on extending shows is what the example has, which is tried as a whole elsewhere."""

import re

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
_SHOWN = re.compile(r"^<!-- from: (\S+) -->\n<!-- run by \S+ -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_of_code_is_a_part_of_the_file_that_it_names() -> None:
    shown = _SHOWN.findall(PAGE)
    assert len(shown) == PAGE.count("```") // 2 - 1 > 5  # but for how it is installed
    for file, block in shown:
        assert _lines(block) in _lines((ROOT / file).read_text("utf-8")), f"{file} has no such part:\n{block}"


def _lines(text: str) -> str:
    """A text without what depends on where it stands: blank lines, and how far it is indented."""
    return "\n".join(["", *filter(None, map(str.strip, text.splitlines())), ""])


def test_every_contract_that_is_named_is_there() -> None:
    for module, name in re.findall(r"`entrypoints\.testing\.(\w+)\.(\w+)`", PAGE):
        assert f"class {name}:" in (ROOT / "entrypoints" / "testing" / f"{module}.py").read_text("utf-8")

"""What the pages on security claim can be looked up: the tests that they name exist, and no requirement is left out."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import ROOT

FOLDER: Final = ROOT / "docs" / "security"
PAGES: Final = [*sorted(FOLDER.glob("*.md")), ROOT / "SECURITY.md"]
REFERENCES: Final = ("operations.md", "cli.md", "api.md")
MET: Final = {"yes", "partly", "no", "operator", "n/a"}

# In each section of OWASP ASVS 5.0.0, how many requirements are of level 1, and of levels 1 and 2. Those of level 1
# come first and those of level 3 last, so that these two are all that is to be known of their numbers.
SECTIONS: Final = """
1.1 0/2, 1.2 5/9, 1.3 2/11, 1.4 0/3, 1.5 1/2
2.1 1/3, 2.2 2/3, 2.3 1/4, 2.4 0/1
3.2 2/2, 3.3 1/4, 3.4 2/6, 3.5 3/5, 3.7 0/2
4.1 1/3, 4.2 0/1, 4.3 0/2, 4.4 1/4
5.1 0/1, 5.2 2/3, 5.3 2/2, 5.4 0/3
6.1 1/3, 6.2 8/12, 6.3 2/4, 6.4 2/4, 6.5 0/5, 6.6 0/3, 6.8 0/4
7.1 0/3, 7.2 4/4, 7.3 0/2, 7.4 2/5, 7.5 0/2, 7.6 0/2
8.1 1/2, 8.2 2/3, 8.3 1/1, 8.4 0/1
9.1 3/3, 9.2 1/4
10.1 0/2, 10.2 0/2, 10.3 0/4, 10.4 5/11, 10.5 0/5, 10.6 0/2, 10.7 0/3
11.1 0/2, 11.2 0/3, 11.3 2/3, 11.4 1/4, 11.5 0/1, 11.6 0/1
12.1 1/3, 12.2 2/2, 12.3 0/4
13.1 0/1, 13.2 0/5, 13.3 0/2, 13.4 1/5
14.1 0/2, 14.2 1/4, 14.3 1/3
15.1 1/3, 15.2 1/3, 15.3 1/7
16.1 0/1, 16.2 0/5, 16.3 0/4, 16.4 0/3, 16.5 0/3
17.1 0/1, 17.2 0/4, 17.3 0/2
"""

_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_CELLS = re.compile(r"\s*\|\s*")


def numbers_and_levels() -> list[tuple[str, str]]:
    """Return the number and the level of each requirement, in order."""
    return [
        (f"{section}.{number}", "1" if number <= int(first) else "2")
        for section, first, both in re.findall(r"(\d+\.\d+) (\d+)/(\d+)", SECTIONS)
        for number in range(1, int(both) + 1)
    ]


def rows() -> list[list[str]]:
    """Return the cells of each requirement: number, level, what it asks for, whether that is met, how, and the test."""
    lines = (FOLDER / "asvs.md").read_text("utf-8").splitlines()
    return [_CELLS.split(line.strip("| ")) for line in lines if re.match(r"\| \d+\.\d+\.\d+ \|", line)]


@cache
def functions_of(file: Path) -> frozenset[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(file.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_are_70_requirements_of_level_1_and_183_of_level_2() -> None:
    assert Counter(level for _, level in numbers_and_levels()) == {"1": 70, "2": 183}


def test_every_requirement_has_one_row_in_order() -> None:
    assert [(row[0], row[1]) for row in rows()] == numbers_and_levels()


def test_every_row_says_whether_it_is_met_how_and_what_shows_it() -> None:
    wrong = [row[0] for row in rows() if len(row) != 6 or not all(row) or row[3] not in MET]
    assert wrong == []


def test_what_is_met_is_shown_by_a_test_or_says_why_by_none() -> None:
    unshown = [row[0] for row in rows() if row[3] == "yes" and not (_TEST.search(row[5]) or len(row[5]) > len("—"))]
    assert unshown == []


def test_the_summary_counts_the_rows() -> None:
    counted = Counter(row[3] for row in rows())
    text = (FOLDER / "asvs.md").read_text("utf-8")
    said = {name: int(count) for name, count in re.findall(r"^\| `([\w/]+)` \| (\d+) \|", text, flags=re.MULTILINE)}
    assert said == {name: counted[name] for name in MET}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    missing = [
        f"{path}::{name}" if name else path
        for path, name in _TEST.findall(page.read_text("utf-8"))
        if not (ROOT / path).is_file() or (name and name not in functions_of(ROOT / path))
    ]
    assert missing == []


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_every_setting_command_and_route_that_a_page_names_exists(page: Path) -> None:
    # These tables are generated from the code, and tested.
    operations, commands, routes = [(ROOT / "docs" / name).read_text("utf-8") for name in REFERENCES]
    text = page.read_text("utf-8")
    settings = {name.removesuffix("_FILE") for name in re.findall(r"PARTITA_[A-Z]+(?:_[A-Z]+)*", text)}
    unknown = {name for name in settings if not re.search(rf"`{name}(_FILE)?` \||{name}_", operations)}
    for command in re.findall(r"(?:^|`)partita ([a-z-]+)(?: ([a-z-]+))?", text, flags=re.MULTILINE):
        if not any(f"### partita {name}\n" in commands for name in (command[0], " ".join(command))):
            unknown.add(" ".join(command))
    unknown |= {route for route in re.findall(r"`((?:[A-Z]+) /v1/[^`\s]+)`", text) if f"`{route}`" not in routes}
    assert unknown == {"PARTITA_DEBUG"} & settings  # which is of the command line alone

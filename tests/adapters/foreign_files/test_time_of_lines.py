"""No line of a file takes long to be read, whatever it is made of: `re` holds up the whole process while it looks."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from time import thread_time

import pytest

import adapters.foreign_files
from adapters.foreign_files.text_lines import LINE_CHARACTERS_MAX
from tests.adapters.foreign_files.found import READERS, gather

# What a line begins with, so that a part of an expression matches; what it is filled with; and why it fails at its end.
BEGINNINGS = (
    "",
    "2026-01-01 ",
    "*",
    '* "',
    "  a",
    "  a:b",
    "  key: a",
    '"',
    "  ",
    "(",
    "[1",
    "a: ",
    "1",
    "A",
    ":61:",
    "  #",
)
FILLINGS = (" ", "\t", '"', "a", "A", ":", "1", "a ", ":a", "1,", "\\", "#a", '" ', "=", "a: ", "-", "(")
ENDS = ("", "x", '"', ";", "\xa0", "é:")
# Backtracking that grows with the square of the line takes ten times as long as this, or more.
SECONDS_MAX = 0.05


def patterns() -> Iterator[tuple[str, Callable[[str], object]]]:
    """Each regular expression of the readers, called as they call it."""
    modules = [
        importlib.import_module(f"adapters.foreign_files.{each.name}")
        for each in pkgutil.iter_modules(adapters.foreign_files.__path__)
    ]
    for module in modules:
        source = Path(str(module.__file__)).read_text("utf-8")
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                calls = {"fullmatch", *re.findall(rf"\b{name}\.(fullmatch|match|search|findall|sub)\(", source)}
                for call in sorted(calls):
                    method = getattr(value, call)
                    called = (lambda text, method=method: method("", text)) if call == "sub" else method
                    yield f"{module.__name__.rpartition('.')[2]}.{name}.{call}", called


PATTERNS = dict(patterns())


def seconds(called: Callable[[str], object], text: str) -> float:
    """How much time of the processor it takes: what else the machine does counts for nothing."""
    began = thread_time()
    called(text)
    return thread_time() - began


@pytest.mark.parametrize("name", PATTERNS)
def test_no_expression_takes_long_for_any_line(name: str) -> None:
    called = PATTERNS[name]
    for length in (512, 8 * 1024):
        for beginning, filling, end in product(BEGINNINGS, FILLINGS, ENDS):
            text = beginning + filling * (length // len(filling)) + end
            if (took := seconds(called, text)) > SECONDS_MAX:
                pytest.fail(f"{took:.3f} s for {beginning!r}, then {length:,} characters of {filling!r}, and {end!r}")


@pytest.mark.parametrize("read_as", READERS)
def test_no_line_takes_long_to_be_read(read_as: str) -> None:
    length = LINE_CHARACTERS_MAX - 64
    lines = [
        f"2026-01-01 *{' ' * length}x",
        "2026-01-01 *\n  a:" + "b" * length + '"',
        f"2026-01-01 *\n  key: a{' ' * length}b",
        f"2026-01-01 *\n  #a{'#a' * (length // 2)}é",
        "option " + '"' * length + "x",
        f"2026-01-01 (1) x\n  a  1{',1' * (length // 2)} EUR",
        f"2026-01-01 (1) x\n  a{' b' * (length // 2)}\xa0 1 EUR\n  c",
    ]
    for each in lines:
        assert seconds(lambda text: gather(text, read_as), f"{each}\n") < 1.0, each[:40]


def test_no_group_is_possessive_as_python_before_3_11_5_takes_it_wrongly() -> None:
    of_groups = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+")
    for folder in adapters.foreign_files.__path__:
        for file in Path(folder).glob("*.py"):
            found = [line for line in file.read_text("utf-8").splitlines() if of_groups.search(line)]
            assert [line for line in found if not line.startswith("#")] == [], file.name

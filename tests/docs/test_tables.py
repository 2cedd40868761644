"""Tables in the documentation are what the code says; `python -m tests.docs.tables` writes them anew."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from entrypoints.cli import failures
from entrypoints.cli.main import app
from entrypoints.settings import Settings
from tests.docs.pages import ROOT, fenced, pages
from tests.docs.tables import (
    SAMPLE,
    TABLES,
    commands,
    names_of_tables,
    pages_with_tables,
    sample_settings,
    with_tables,
)


@pytest.mark.parametrize("page", pages_with_tables(), ids=lambda page: page.name)
def test_tables_are_what_the_code_says(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text == with_tables(text), "run `python -m tests.docs.tables`"


def test_the_sample_of_settings_is_what_the_code_says() -> None:
    assert SAMPLE.read_text("utf-8") == sample_settings(), "run `python -m tests.docs.tables`"


def test_the_sample_sets_nothing_and_without_its_marks_what_is_so_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = SAMPLE.read_text("utf-8")
    assert dotenv_values(stream=StringIO(sample)) == {}
    unmarked = dotenv_values(stream=StringIO(re.sub(r"^#(?! )", "", sample, flags=re.MULTILINE)))
    assert list(unmarked) == list(Settings.variables().values())
    for variable in unmarked:
        monkeypatch.delenv(variable, raising=False)
    by_default = Settings()
    for variable, value in unmarked.items():
        if value:
            monkeypatch.setenv(variable, value)
    assert Settings() == by_default


def test_every_table_stands_somewhere_once() -> None:
    standing = [name for page in pages_with_tables() for name in names_of_tables(page.read_text("utf-8"))]
    assert sorted(standing) == sorted(TABLES)


def test_a_table_that_is_out_of_date_would_be_noticed() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert with_tables(text.replace("| `8000` |", "| `8080` |", 1)) == with_tables(text)
    assert text.replace("| `8000` |", "| `8080` |", 1) != text


def test_the_commands_and_options_are_those_that_help_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # so that no option is broken in two
    sections = re.split(r"^### partita ", commands(), flags=re.MULTILINE)[1:]
    assert len(sections) > 30
    for section in sections:
        name, _, described = section.partition("\n")
        app([*name.split(), "--help"], prog_name="partita", standalone_mode=False)
        _, usage, shown = capsys.readouterr().out.partition(f"partita {name}")
        assert usage
        options = set(re.findall(r"`(--[a-z-]+)", described))
        assert options == set(re.findall(r"(--[a-z-]+) ", shown)) - {"--help"}, name


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    text = (ROOT / "docs" / "cli.md").read_text("utf-8")
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text, flags=re.MULTILINE)}
    assert codes == {0, failures.FAILED, failures.WRONG_USAGE, failures.INTERRUPTED}


def test_json_in_pages_is_json() -> None:
    for page in pages():
        for kind, text in fenced(page.read_text("utf-8")):
            if kind == "json":
                json.loads(text)

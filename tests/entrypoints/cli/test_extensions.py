"""`partita extensions` and `partita x`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.entrypoints.cli.conftest import Partita
from tests.entrypoints.extending.installed import SAMPLE, installed


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[None]:
    with installed(tmp_path / "packages", {"sample": SAMPLE}):
        yield


def test_without_any_there_are_none(partita: Partita) -> None:
    said = partita("extensions")
    assert (said.code, said.out) == (0, "No extension is installed.\n")


@pytest.mark.usefixtures("sample")
def test_each_is_listed_with_what_it_adds(partita: Partita) -> None:
    said = partita("extensions")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("sample (package-0 1.0): command Give, handler listener, handler gifts, job giving, ")
    for added in ("route POST /gifts", "GraphQL type SampleQuery", "format count", "a posting policy", "settings"):
        assert added in said.out


def test_what_is_wrong_is_told_and_the_exit_code_says_so(
    partita: Partita, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARTITA_REQUIRED_EXTENSIONS", "sample, limits")
    broken = {
        "broken": "no.such.module:extension",
        "crooked": "tests.entrypoints.http.extensions.crooked:extension",
        "sample": SAMPLE,
    }
    with installed(tmp_path / "packages", broken):
        said = partita("extensions")
    assert said.code == 1
    assert "broken: it cannot be loaded: ModuleNotFoundError" in said.err
    assert "crooked: its routes cannot be mounted: NotStrict" in said.err
    assert "limits: it is required and not there, so nothing is posted" in said.err


@pytest.mark.usefixtures("sample", "database")
def test_its_commands_are_found_below_x_and_act_on_the_database(partita: Partita) -> None:
    assert "sample" in partita("x", "--help").out
    assert partita("x", "sample", "show").out == "This is the sample.\n"
    said = partita("x", "sample", "give-from-here", "5.00")
    assert (said.code, said.out) == (0, "Given, at the sequence 5.\n"), said.err
    assert partita("export", "--format", "count").out == "5 events\n"
    assert partita("x", "nobody", "show").code == 2


@pytest.mark.usefixtures("database")
def test_a_format_that_nobody_adds_is_wrong_usage(partita: Partita) -> None:
    said = partita("export", "--format", "count")
    assert said.code == 2
    assert "there are: ndjson, hledger, beancount, csv." in said.err


@pytest.mark.usefixtures("sample")
def test_variables_of_extensions_are_theirs(partita: Partita, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_SAMPLE_FEE", "0.30")
    assert "PARTITA_SAMPLE_FEE" not in partita("config", "check").err
    monkeypatch.setenv("PARTITA_SAMPEL_FEE", "0.30")
    assert "PARTITA_SAMPEL_FEE sets nothing" in partita("config", "check").err
    monkeypatch.setenv("PARTITA_SAMPLE_FEES", "0.30")
    assert "PARTITA_SAMPLE_FEES sets nothing" in partita("extensions").err

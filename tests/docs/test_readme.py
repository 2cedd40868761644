"""The tour in the README, run as it stands there against a real server."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import tour
from tests.docs.pages import ROOT
from tests.journeys.demo_server import DemoServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    server = DemoServer(tmp_path_factory.mktemp("readme"))
    server.start()
    yield server
    server.stop()


def test_it_starts_as_the_readme_says(server: DemoServer) -> None:
    said = server.said().replace(str(server.data), ".partita")
    assert tour.masked(said) == tour.masked(tour.welcome())


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour needs curl")
def test_every_step_of_the_tour_answers_what_the_readme_says(server: DemoServer, tmp_path: Path) -> None:
    steps = tour.steps()
    answers = tour.run(steps, tmp_path, server.data)
    assert len(answers) == len(steps) > 10
    for step, answer in zip(steps, answers, strict=True):
        if step.is_json:
            assert tour.masked_json(answer) == tour.masked_json(step.said), step.commands
        else:
            assert tour.masked(answer) == tour.masked(step.said), step.commands


def test_the_commands_that_it_names_are_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", readme, flags=re.MULTILINE))
    assert {"run", "test", "bench"} <= named <= targets

"""The workflows are valid by their schema, found harmless by a linter of their own, and pinned."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.books.other_programs import PACKAGES
from tests.deploy.manifests import documents
from tests.docs.pages import ROOT
from tests.programs import STRICTNESS, require

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_are_valid_by_their_schema() -> None:
    assert len(WORKFLOWS) == 2
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS))


def test_workflows_are_harmless() -> None:
    run(str(Path(sys.executable).parent / "zizmor"), "--offline", "--no-progress", "--quiet", *map(str, WORKFLOWS))


def test_every_action_is_pinned_by_its_commit_with_the_release_beside_it() -> None:
    for workflow in WORKFLOWS:
        used = re.findall(r"uses: (.*)", workflow.read_text("utf-8"))
        assert used
        assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in used), workflow.name


def test_what_is_tested_are_the_versions_that_are_supported() -> None:
    (workflow,) = documents(ROOT / ".github" / "workflows" / "test.yml")
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert [each.partition(".")[0] for each in matrix["postgres"]] == ["15", "16", "17", "18"]


def test_what_tests_ask_for_is_installed_and_a_test_without_its_program_fails() -> None:
    (workflow,) = documents(ROOT / ".github" / "workflows" / "test.yml")
    job = workflow["jobs"]["test"]
    assert job["env"][STRICTNESS] == "true"
    installed = {word for step in job["steps"] for word in step.get("run", "").split()}
    assert {*PACKAGES.values(), "pgbouncer", "prometheus"} <= installed


def test_every_image_is_named_by_its_exact_release() -> None:
    (test,) = documents(ROOT / ".github" / "workflows" / "test.yml")
    (compose,) = documents(ROOT / "docker-compose.yml")
    started = [*test["jobs"]["test"]["services"].values(), *compose["services"].values()]
    images = {each["image"] for each in started} - {"${PARTITA_IMAGE:-partita:local}"}
    images.remove("postgres:${{ matrix.postgres }}")
    images |= {f"postgres:{release}" for release in test["jobs"]["test"]["strategy"]["matrix"]["postgres"]}
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    (python,) = re.findall(r"^ARG PYTHON=(.+)$", dockerfile, re.MULTILINE)
    images |= {each.replace("${PYTHON}", python) for each in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)}
    assert len(images) == 10
    assert [each for each in images if not re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-slim-trixie)?", each)] == []


def test_a_program_that_is_not_there_is_a_failure_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STRICTNESS, raising=False)
    with pytest.raises(pytest.skip.Exception, match="there is no such-program here"):
        require(None, "such-program")
    monkeypatch.setenv(STRICTNESS, "true")
    with pytest.raises(pytest.fail.Exception, match="there is no such-program here"):
        require(None, "such-program")

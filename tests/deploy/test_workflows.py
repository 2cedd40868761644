"""The workflows are valid by their schema, found harmless by a linter of their own, and pinned."""

import re
import subprocess
import sys
from pathlib import Path

from tests.deploy.manifests import documents
from tests.docs.pages import ROOT

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
    assert matrix == {"python": ["3.11", "3.12", "3.13"], "postgres": ["15", "16", "17", "18"]}

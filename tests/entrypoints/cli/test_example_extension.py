"""The extension in `examples/` is a package of its own: installed, and tested, outside of this source tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "partita-interest"
ATTACKS = Path(__file__).parent / "example_attacks.py"
LINES_MAX = 249


def test_it_is_short() -> None:
    files = [*EXAMPLE.rglob("*.py"), EXAMPLE / "pyproject.toml"]
    assert sum(len(file.read_text("utf-8").splitlines()) for file in files) <= LINES_MAX


@pytest.mark.usefixtures("database")
def test_it_is_installed_and_tested_from_outside(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    shutil.copy(ATTACKS, source / "tests" / "test_attacks.py")
    shutil.rmtree(source / "partita_interest")  # so that what is tried is what was installed
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("REDIS_URL", redis_url)
    tried = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "tests")],
        cwd=source,
        env={name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "5 passed" in tried.stdout

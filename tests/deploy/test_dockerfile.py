"""The image's recipe is clean, and takes along all that is needed; tests/entrypoints/cli/test_config.py runs it."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from entrypoints.settings import Settings
from tests.docs.pages import ROOT

DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[str]:
    text = DOCKERFILE.read_text("utf-8").replace("\\\n", "")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_linter_finds_nothing() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_packages_are_wheels_whose_hashes_are_checked_and_nobody_is_root() -> None:
    installing = [line for line in instructions() if "pip install" in line]
    assert len(installing) == 2
    assert "--require-hashes --only-binary=:all: --requirement requirements.txt" in installing[0]
    assert "--no-deps --no-build-isolation ." in installing[1]
    last_stage = instructions()[instructions().index([at for at in instructions() if at.startswith("FROM")][-1]) :]
    assert "USER 10001:10001" in last_stage
    assert not [line for line in last_stage if "pip" in line or "curl" in line or "apt" in line]


def test_what_is_set_in_the_image_are_settings_that_there_are() -> None:
    set_there = set(re.findall(r"\b(PARTITA_\w+)=", "\n".join(instructions())))
    assert set_there == {"PARTITA_ENVIRONMENT", "PARTITA_HOST", "PARTITA_DATA_DIR"}
    assert set_there <= {*Settings.variables().values()}


def test_everything_that_is_copied_is_let_in() -> None:
    copied = {
        source
        for line in instructions()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)


def test_all_files_of_the_code_are_in_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "domain", "application", "adapters", "entrypoints"):
        (source / name).symlink_to(ROOT / name)
    (source / "migrations").symlink_to(ROOT / "migrations")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-cache-dir"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    written = {
        file.relative_to(ROOT).as_posix()
        for package in ("domain", "application", "adapters", "entrypoints", "migrations")
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    # What new migrations are made from is for developers.
    assert written - packed == {"migrations/script.py.mako"}

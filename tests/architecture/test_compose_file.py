"""docker-compose.yml is valid by the schema of the Compose specification, and what it opens is local."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"


def check(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_compose_file_is_valid() -> None:
    result = check(COMPOSE_FILE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_misspelt_key_would_be_reported(tmp_path: Path) -> None:
    misspelt = tmp_path / "docker-compose.yml"
    misspelt.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "heathcheck:"))
    assert check(misspelt).returncode == 1


def test_every_published_port_is_on_the_loopback_interface() -> None:
    published = [line.strip() for line in COMPOSE_FILE.read_text().splitlines() if line.strip().startswith('- "')]
    assert len(published) == 2
    assert all(line.startswith('- "127.0.0.1:') for line in published)

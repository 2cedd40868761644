"""docker-compose.yml is valid by the schema of the Compose specification, and what it opens is local."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import VARIABLES
from tests.docs.pages import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
OURS = ("api-1", "api-2", "worker", "migrate")


def check(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    return services


def test_the_compose_file_is_valid() -> None:
    result = check(COMPOSE_FILE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_misspelt_key_would_be_reported(tmp_path: Path) -> None:
    misspelt = tmp_path / "docker-compose.yml"
    misspelt.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "heathcheck:"))
    assert check(misspelt).returncode == 1


def test_every_published_port_is_on_the_loopback_interface(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert len(published) == 5
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_file_that_is_mounted_is_there(services: dict[str, Any]) -> None:
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())]
    files = [source for source in mounted if source.startswith(".")]
    assert len(files) == 9
    assert all((ROOT / file).is_file() for file in files)


def test_partita_s_containers_cannot_write_and_have_no_powers(services: dict[str, Any]) -> None:
    for name in OURS:
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]


def test_every_variable_of_partita_is_a_setting(services: dict[str, Any]) -> None:
    for name in OURS:
        assert services[name]["environment"].keys() <= VARIABLES, name


def test_only_the_migration_logs_in_as_the_owner(services: dict[str, Any]) -> None:
    users = {name: re.findall(r"//(\w+):", services[name]["environment"]["DATABASE_URL"]) for name in OURS}
    assert users == {name: ["partita"] if name == "migrate" else ["partita_server"] for name in OURS}

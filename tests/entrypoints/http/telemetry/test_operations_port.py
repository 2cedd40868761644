"""The port for those who run servers and workers, as processes of their own have it; and their log as JSON."""

import json
import re
from pathlib import Path

import httpx2
import pytest

from entrypoints.container import Services
from tests.server_process import ServerProcess


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_servers_and_workers_have_figures_and_health_on_a_port_of_their_own(
    postgres_url: str, redis_url: str, tmp_path: Path, services: Services, command: str
) -> None:
    settings = {"PARTITA_METRICS_PORT": "0", "PARTITA_LOG_FORMAT": "json"}
    process = ServerProcess(postgres_url, redis_url, tmp_path, settings, command=command).start()
    try:
        found = re.search(r"Metrics are at (http://\S+)/metrics", process.said())
        assert found is not None, process.said()
        async with httpx2.AsyncClient(base_url=found[1]) as client:
            told = (await client.get("/metrics")).text
            assert 'partita_up{part="database"} 1.0' in told
            assert "process_cpu_seconds_total" in told
            assert (await client.get("/health/startup")).json() == {"status": "started"}
            assert (await client.get("/health/ready")).json()["status"] == "ready"
            assert (await client.get("/v1/ledgers")).status_code == 404
            if command == "serve":
                headers = {"Authorization": "Bearer ptk_1_" + "0" * 40, "X-Request-Id": "refused-1"}
                assert (await client.get(f"{process.url}/v1/ledgers", headers=headers)).status_code == 401
    finally:
        process.stop()
    assert "Traceback" not in process.said()
    if command == "serve":
        (line,) = [line for line in process.said().splitlines() if "refused-1" in line]
        told = json.loads(line)
        assert (told["level"], told["logger"], told["request"]) == ("WARNING", "partita.access", "refused-1")
        assert "0" * 20 not in line

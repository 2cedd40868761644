"""Two servers behind the real proxy, with the settings of docker-compose.yml."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import pytest
import yaml

from entrypoints.cli import failures
from entrypoints.cli.main import app
from tests.deploy.manifests import Document
from tests.docs.pages import ROOT
from tests.entrypoints.http.event_source import event_source
from tests.entrypoints.http.raw_upload import uploading
from tests.entrypoints.http.realtime_client import realtime
from tests.entrypoints.http.tenant import sale
from tests.server_process import ServerProcess

CADDY = Path(sys.executable).with_name("caddy")
FILE = ROOT / "deploy" / "caddy" / "Caddyfile"


@dataclass(frozen=True)
class Behind:
    """What stands behind the proxy, and the way to it."""

    url: str
    key: str
    servers: list[ServerProcess]

    async def post(self) -> Document:
        """Post a sale through the proxy."""
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {self.key}"}, timeout=30) as client:
            answer = await client.post(f"{self.url}/v1/ledgers/main/transactions", json=sale())
        assert answer.status_code == 201, answer.text
        posted: Document = answer.json()
        return posted


@pytest.fixture(scope="module")
def behind(postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("proxy")
    key = made_ledger(postgres_url, folder)
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["api-1"]["environment"]
    settings = {name: composed[name] for name in ("PARTITA_STOP_GRACE_SECONDS", "PARTITA_WORKER_INSIDE")}
    settings["PARTITA_TRUSTED_PROXIES"] = "127.0.0.1"
    servers = [ServerProcess(postgres_url, redis_url, folder, settings) for _ in range(2)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    proxy: subprocess.Popen[bytes] | None = None
    try:
        upstreams = [server.start().url.removeprefix("http://") for server in servers]
        with (folder / "proxy.log").open("wb") as log:
            proxy = subprocess.Popen(
                [CADDY, "run", "--adapter", "caddyfile", "--config", str(FILE)],
                env={**proxy_environment(folder), "SITE": url, "UPSTREAMS": " ".join(upstreams)},
                stderr=log,
            )
        await_answers(url, folder / "proxy.log")
        yield Behind(url, key, servers)
    finally:
        if proxy is not None:
            proxy.terminate()
            proxy.wait(20)
        for server in servers:
            server.kill()


def proxy_environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def made_ledger(database_url: str, folder: Path) -> str:
    """An organisation with a ledger `main`, and a key to it."""
    with pytest.MonkeyPatch.context() as changed, (folder / "said").open("w+") as said:
        changed.setenv("DATABASE_URL", database_url)
        changed.setenv("PARTITA_DATA_DIR", str(folder))
        changed.setattr(sys, "stdout", said)
        assert failures.run(partial(app, ["migrate"], standalone_mode=False)) == 0
        assert failures.run(partial(app, ["organisation", "create", "Proxied"], standalone_mode=False)) == 0
        number = re.findall(r"\b\d+\b", (folder / "said").read_text())[-1]
        of = ["--organisation", number]
        for command in (["ledger", "create", "main", *of], ["key", "create", "all", *of]):
            assert failures.run(partial(app, command, standalone_mode=False)) == 0
        said.flush()
        key: str = re.findall(r"ptk_\w+", (folder / "said").read_text())[-1]
        return key


def await_answers(url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx2.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def test_the_proxy_s_settings_are_valid_with_tls_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [CADDY, "validate", "--adapter", "caddyfile", "--config", str(FILE)],
        env={**proxy_environment(tmp_path), "SITE": "https://localhost:8443", "UPSTREAMS": "api-1:8000 api-2:8000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    diff = subprocess.run([CADDY, "fmt", "--diff", str(FILE)], capture_output=True, text=True, check=False)
    assert not re.findall(r"^[-+]", diff.stdout, re.MULTILINE), diff.stdout


async def test_events_and_answers_to_streams_are_passed_on_as_they_come(behind: Behind) -> None:
    after = (await behind.post())["sequence"]
    async with AsyncExitStack() as open_:
        events = await open_.enter_async_context(event_source(behind.url, behind.key, after=after))
        live = await open_.enter_async_context(realtime(behind.url, behind.key))
        await live.answer(type="subscribe", id="all", channel="events", ledger="main", after=after)
        upload = await open_.enter_async_context(
            uploading(behind.url, "/v1/ledgers/main/transactions/bulk", behind.key)
        )
        for _ in range(2):
            await upload.send_lines(sale())
            answer = await upload.answer(30)
            event = await events.next(30)
            (pushed,) = await live.events(1, 30)
            assert answer["status"] == 201
            assert int(event.id) == pushed["sequence"]
        await upload.end()


async def test_a_server_is_restarted_and_no_request_fails(behind: Behind) -> None:
    stopping = asyncio.Event()

    async def posting() -> int:
        count = 0
        while not stopping.is_set():
            await behind.post()
            count += 1
        return count

    clients = [asyncio.create_task(posting()) for _ in range(4)]
    await asyncio.to_thread(behind.servers[0].stop)
    await asyncio.to_thread(behind.servers[0].start)
    stopping.set()
    assert sum(await asyncio.gather(*clients)) > 20

"""The first minute of a newcomer: start, post, read, stop, start again; and what goes wrong then."""

import shlex
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.journeys.demo_server import DemoServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DemoServer]:
    server = DemoServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    """A server for tests that leave it as it is."""
    server = DemoServer(tmp_path_factory.mktemp("demo"))
    server.start()
    yield server
    server.stop()


def printed_commands(said: str) -> list[list[str]]:
    """The commands that can be pasted, in words."""
    joined = said.replace("\\\n", "")  # as a shell joins lines
    return [shlex.split(line) for line in joined.splitlines() if line.startswith("curl ")]


def send(command: list[str]) -> Any:
    """Do as a curl command asks, with curl where there is one."""
    if shutil.which("curl"):
        done = subprocess.run([*command, "-w", "\n%{http_code}"], capture_output=True, text=True, check=True)
        body, _, status = done.stdout.rpartition("\n")
        assert int(status) < 300, body
        return httpx2.Response(int(status), text=body).json()
    options = command[1:]
    headers = dict(options[at + 1].split(": ", 1) for at, word in enumerate(options) if word == "-H")
    url = next(word for word in options if word.startswith("http"))
    data = options[options.index("-d") + 1] if "-d" in options else None
    answer = httpx2.request("POST" if data else "GET", url, headers=headers, content=data)
    assert answer.status_code < 300, answer.text
    return answer.json()


def test_it_says_where_to_go_and_its_commands_post_and_read(running: DemoServer) -> None:
    said, demo = running.said(), running.demo
    assert demo["url"] == f"http://127.0.0.1:{running.port}"
    assert f"{demo['url']}/docs" in said
    assert httpx2.get(f"{demo['url']}/docs").status_code == 200
    for name in ("organisation", "ledger", "api_key"):
        assert isinstance(demo[name], str)
        assert demo[name] in said

    post, read = printed_commands(said)
    assert send(post)["status"] == "posted"
    assert send(post)["entries"][0]["balance_after"] == "25.00"
    (balance,) = send(read)["balances"]
    assert (balance["asset"], balance["posted"]) == ("EUR", "25.00")
    assert "Traceback" not in said


def test_the_facts_are_in_a_file_that_only_its_owner_reads(running: DemoServer) -> None:
    assert running.demo.keys() == {"url", "organisation", "ledger", "api_key"}
    assert stat.S_IMODE((running.data / "demo.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((running.data / "signing-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(running.data.stat().st_mode) == 0o700


def test_commands_find_its_ledger_without_being_told_more(running: DemoServer) -> None:
    assert running.partita("verify").stdout.startswith("The organisation's log is valid: ")
    assert "demo" in running.partita("key", "list").stdout


def test_a_second_server_on_its_port_says_so_before_it_starts_anything(running: DemoServer, tmp_path: Path) -> None:
    second = DemoServer(tmp_path, running.port)
    done = second.partita("serve", "--demo", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"partita: Port {running.port} of 127.0.0.1 is taken: something else listens there. Stop it, or choose "
        f"another: PARTITA_PORT={running.port + 1}.\n"
    )
    assert not second.data.exists()


def test_a_second_server_on_its_data_says_so(running: DemoServer) -> None:
    done = running.partita("serve", "--demo", "--port", "0", check=False)
    assert running.process is not None
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"partita: Process {running.process.pid} already runs its servers in {running.data}. Stop it (kill "
        f"{running.process.pid}), or set PARTITA_DATA_DIR to another folder.\n"
    )


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_within_seconds_and_starts_again_with_its_key_and_data(
    server: DemoServer, order: signal.Signals
) -> None:
    server.start()
    demo = server.demo
    send(printed_commands(server.said())[0])
    began = time.monotonic()
    assert server.order(order) == 0
    assert time.monotonic() - began < 8
    assert server.processes() == []
    assert "Traceback" not in server.said()

    assert server.start() < 5
    assert server.demo == demo
    (balance,) = send(printed_commands(server.said())[1])["balances"]
    assert balance["posted"] == "12.50"


def test_it_stops_although_a_client_holds_a_connection_and_another_a_stream(server: DemoServer) -> None:
    server.start()
    demo = server.demo
    bulk = f"/v1/ledgers/main/transactions/bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {demo['api_key']}\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as idle, httpx2.Client() as client:
        client.get(f"{demo['url']}/health/live")
        idle.sendall(f"POST {bulk}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        time.sleep(0.3)
        began = time.monotonic()
        assert server.order(signal.SIGINT) == 0
        assert time.monotonic() - began < 10
    assert "Traceback" not in server.said()
    assert server.processes() == []


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.2, 1.6])
def test_ctrl_c_while_it_starts_leaves_nothing(server: DemoServer, seconds: float) -> None:
    server.spawn()
    time.sleep(seconds)
    assert server.order(signal.SIGINT) in (0, 130, -signal.SIGINT)
    assert "Traceback" not in server.said()
    assert server.nothing_left()


def test_a_killed_server_leaves_no_database_behind(server: DemoServer) -> None:
    server.start()
    demo = server.demo
    send(printed_commands(server.said())[0])
    assert len(server.processes()) >= 2
    assert server.order(signal.SIGKILL) == -signal.SIGKILL
    assert server.nothing_left()

    server.start()
    assert server.demo == demo
    assert send(printed_commands(server.said())[1])["balances"][0]["posted"] == "12.50"

"""The scripts that make the primary's users and the standby, run as the images run them, on the embedded binaries."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.embedded.postgres import _binaries
from adapters.embedded.processes import launched
from tests.docs.pages import ROOT

SCRIPTS = ROOT / "deploy" / "postgres"
PASSWORD = secrets.token_hex(8)
Run = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A way to start a program beside the binaries, as somebody who is not root; all are ended in the end."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*command: str | Path, **environment: object) -> subprocess.Popen[bytes]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        path = f"{_binaries()}:{os.environ['PATH']}"
        given = {name: str(value) for name, value in environment.items()}
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                launched(command), env={**clean, "PATH": path, "LC_ALL": "C", **given}, stdout=log, stderr=log
            )
        running.append(process)
        return process

    yield start
    for process in reversed(running):
        if process.poll() is None:
            process.send_signal(2)
            process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def connected(log: Path, **given: Any) -> asyncpg.Connection:
    """Connect as soon as that can be done."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return await asyncpg.connect(host="127.0.0.1", **given)
        except (OSError, asyncpg.PostgresError):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


async def test_the_standby_follows_the_primary_and_servers_log_in_without_power(run: Run, tmp_path: Path) -> None:
    primary, standby = tmp_path / "primary", tmp_path / "standby"
    ports = free_port(), free_port()
    (tmp_path / "password").write_text(PASSWORD)
    initdb = ["initdb", "-D", primary, "-U", "partita", "--auth=scram-sha-256", "--no-sync"]
    assert run(*initdb, f"--pwfile={tmp_path / 'password'}").wait(60) == 0, (tmp_path / "log").read_text()
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={tmp_path}", "-c", "fsync=off"]
    server = run("postgres", "-D", primary, "-p", str(ports[0]), *options)
    owner = await connected(tmp_path / "log", port=ports[0], user="partita", password=PASSWORD, database="postgres")
    made = run(
        "/bin/sh",
        SCRIPTS / "primary.sh",
        PGDATA=primary,
        PGHOST="127.0.0.1",
        PGPORT=ports[0],
        PGPASSWORD=PASSWORD,
        POSTGRES_USER="partita",
        POSTGRES_DB="postgres",
        SERVER_PASSWORD="it's",
        REPLICATION_PASSWORD="theirs",
    )
    assert made.wait(30) == 0, (tmp_path / "log").read_text()
    await owner.execute("SELECT pg_reload_conf()")

    # As in the image, the data folder's own folder is there.
    run(
        "/bin/sh",
        SCRIPTS / "replica.sh",
        *("-p", str(ports[1]), "-c", f"unix_socket_directories={tmp_path}"),
        PGDATA=standby,
        PGHOST="127.0.0.1",
        PGPORT=ports[0],
        PGUSER="replicator",
        PGPASSWORD="theirs",
        LISTEN="127.0.0.1",
    )
    copy = await connected(tmp_path / "log", port=ports[1], user="partita", password=PASSWORD, database="postgres")
    await owner.execute("CREATE TABLE followed (number integer)")
    await owner.execute("INSERT INTO followed VALUES (42)")
    position = await owner.fetchval("SELECT pg_current_wal_lsn()::text")
    while await copy.fetchval("SELECT pg_last_wal_replay_lsn() < $1::text::pg_lsn", position):
        time.sleep(0.01)
    assert await copy.fetchval("SELECT pg_is_in_recovery()")
    assert await copy.fetchval("SELECT number FROM followed") == 42
    assert await owner.fetchval("SELECT active FROM pg_replication_slots WHERE slot_name = 'replica'")

    of_servers = await connected(
        tmp_path / "log", port=ports[0], user="partita_server", password="it's", database="postgres"
    )
    powers = await of_servers.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolreplication, pg_has_role('partita_service', 'MEMBER')"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert tuple(powers) == (False, False, False, False, True)
    for connection in (of_servers, copy, owner):
        await connection.close()
    assert server.poll() is None

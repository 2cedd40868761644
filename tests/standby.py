"""Streaming standbys of a PostgreSQL, made by its own programs and run beside it."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from adapters.embedded.postgres import _binaries
from adapters.embedded.processes import environment, launched

START_SECONDS = 30


class Standby:
    """A copy of a server that streams its changes, and can be paused, killed, started again and promoted."""

    def __init__(self, folder: Path, primary_url: str, name: str) -> None:
        self._data = folder / name
        self._log = folder / f"{name}.log"
        self._primary = urlsplit(primary_url)
        self._process: subprocess.Popen[bytes] | None = None
        self.name = name
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.host = f"127.0.0.1:{self.port}"
        credentials = self._primary.netloc.rpartition("@")[0]
        self.url = urlunsplit(self._primary._replace(netloc=f"{credentials}@{self.host}"))

    def make(self) -> Self:
        """Copy the server, with a slot of its own, and start."""
        given = {"PGPASSWORD": self._primary.password or "", "PGAPPNAME": self.name}
        command: list[str | Path] = [
            _binaries() / "pg_basebackup",
            *("--pgdata", str(self._data), "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf"),
            *("--create-slot", f"--slot={self.name}", "--no-sync", "--host=127.0.0.1"),
            *(f"--port={self._primary.port}", f"--username={self._primary.username}"),
        ]
        with self._log.open("ab") as log:
            subprocess.run(
                launched(command), env={**environment(), **given}, stdout=log, stderr=log, check=True, timeout=60
            )
        return self.start()

    def start(self) -> Self:
        """Start it, and return when it answers."""
        options = ["-p", str(self.port), "-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"]
        settings = ["-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "wal_receiver_timeout=5s"]
        command: list[str | Path] = [_binaries() / "postgres", "-D", self._data, *options, *settings]
        # Its last words are not those of an earlier life.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                launched(command), env=environment(), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.01)
        return self

    def send(self, order: signal.Signals) -> None:
        """Send a signal to it and to all of its processes."""
        assert self._process is not None
        parent = self._process.pid
        found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False).stdout
        for pid in (parent, *map(int, found.split())):
            os.kill(pid, order)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        assert self._process is not None
        self.send(signal.SIGKILL)
        self._process.wait(20)

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.send(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)

    async def ask(self, statement: str) -> Any:
        """Ask it something, as its owner."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def forget(self) -> None:
        """Let the server that it was copied from keep nothing for it any more."""
        connection = await asyncpg.connect(urlunsplit(self._primary))
        await connection.execute("SELECT pg_drop_replication_slot($1)", self.name)
        await connection.close()

    async def pause(self) -> None:
        """Let changes come in, and take none of them over."""
        await self.ask("SELECT pg_wal_replay_pause()")
        while await self.ask("SELECT pg_get_wal_replay_pause_state()") != "paused":  # noqa: ASYNC110 # it tells nobody
            await asyncio.sleep(0.01)

    async def resume(self) -> None:
        """Take over what has come in."""
        await self.ask("SELECT pg_wal_replay_resume()")

    async def promote(self) -> None:
        """Make it a server that takes changes."""
        assert await self.ask("SELECT pg_promote()")

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # A standby is "standby" there while it takes connections that only read.
        return len(lines) >= 8 and lines[7].strip() in ("ready", "standby")

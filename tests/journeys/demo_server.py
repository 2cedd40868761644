"""`partita serve --demo` as a process of its own, as a newcomer starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PARTITA: Final = Path(sys.executable).with_name("partita")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


class DemoServer:
    """A demo server whose data are in `folder`, not started yet."""

    def __init__(self, folder: Path, port: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = port or free_port()
        self.said_in = folder / f"said-{self.port}.txt"
        self._settings = dict(settings or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of whoever works with this server's data: embedded servers, whatever the tests use."""
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        return kept | {"PARTITA_DATA_DIR": str(self.data), "PARTITA_PORT": str(self.port)} | self._settings

    @property
    def demo(self) -> dict[str, Any]:
        """What `demo.json` says."""
        return dict(json.loads((self.data / "demo.json").read_text()))

    @property
    def database_url(self) -> str:
        """The superuser's way to the database."""
        return str(json.loads((self.data / "servers.json").read_text())["database_url"])

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it, and do not wait."""
        with self.said_in.open("wb") as out:
            self.process = subprocess.Popen(
                [PARTITA, "serve", "--demo"], cwd=ROOT, env=self.environment, stdout=out, stderr=subprocess.STDOUT
            )
        return self.process

    def start(self) -> float:
        """Start it, and return after how many seconds it said that it serves."""
        began = time.monotonic()
        process = self.spawn()
        while "Ctrl-C stops everything." not in self.said():
            assert process.poll() is None, self.said()
            assert time.monotonic() - began < START_SECONDS, self.said()
            time.sleep(0.02)
        return time.monotonic() - began

    def said(self) -> str:
        """All that it has printed since it was started."""
        return self.said_in.read_text()

    def order(self, order: signal.Signals) -> int:
        """Send it a signal, and return its exit code."""
        assert self.process is not None
        self.process.send_signal(order)
        return self.process.wait(timeout=STOP_SECONDS)

    def stop(self) -> None:
        """Stop it, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.order(signal.SIGTERM)

    def partita(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another command on the same data."""
        done = subprocess.run(
            [PARTITA, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def processes(self) -> list[str]:
        """The command lines of all processes that have to do with its data."""
        listed = subprocess.run(["ps", "-ww", "-eo", "args="], capture_output=True, text=True, check=True).stdout
        marks = [str(self.data)]
        with suppress(FileNotFoundError):
            # Valkey shows where it listens in the place of its arguments.
            words = (self.data / "valkey.conf").read_text().split()
            marks.append(f"valkey-server 127.0.0.1:{words[words.index('port') + 1]}")
        return [line for line in listed.splitlines() if any(mark in line for mark in marks)]

    def nothing_left(self) -> bool:
        """Whether nothing of it runs any more, after some seconds at most."""
        deadline = time.monotonic() + STOP_SECONDS
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.processes()


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

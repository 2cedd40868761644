"""Server processes that never outlive Partita, not even when it is killed by SIGKILL."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from adapters.embedded.errors import OTHER_SERVERS, ServersDidNotStart

_LOG_BYTES_MAX: Final = 10_000_000
_TAIL_LINES: Final = 15
_KILL_SECONDS: Final = 5.0

# PostgreSQL refuses to run as root. In a user namespace of its own, root appears as an ordinary user,
# and files of root as that user's: no account to add, nothing to chown.
_AS_ORDINARY_USER: Final = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
# The kernel sends SIGINT when the parent ends, which both servers take as an order to shut down. A parent that
# ended before this was arranged is noticed by the shell, which then does not become the server.
_WITH_PARENT: Final = ("setpriv", "--pdeathsig", "INT", "--", "/bin/sh", "-c", '[ "$PPID" -eq "$0" ] && exec "$@"')
# Where there is no setpriv: waits for the end of a pipe that only Partita holds open.
_WATCHDOG: Final = ("/bin/sh", "-c", 'read -r _; kill -INT "$1"', "partita-watchdog")


class ServerProcess:
    """A server that runs in a session of its own (Ctrl-C does not reach it) and ends when this process does."""

    def __init__(self, command: Sequence[str | Path], *, folder: Path, log: Path, inherit: int) -> None:
        """Start `command` in `folder`, its output appended to `log`; it inherits the descriptor `inherit`.

        Must be called from the main thread: on Linux the server ends with the *thread* that started it.
        Raises `ServersDidNotStart` where this user cannot run servers at all, `OSError` where the command is missing.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "Start embedded servers from the main thread: they end with the thread that starts them."
            )
        _rotate(log)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._log = log
            self._log_offset = os.fstat(descriptor).st_size
            self._process = subprocess.Popen(
                launched(command),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                cwd=folder,
                env=environment(),
                pass_fds=(inherit,),
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self._watchdog = None if _kernel_ends_children() else _watchdog(self._process.pid)

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the server has ended."""
        return self._process.poll() is not None

    def log_tail(self) -> str:
        """Return the last lines that the server has logged since it was started."""
        with suppress(OSError), self._log.open("rb") as stream:
            stream.seek(self._log_offset)
            return tail(stream.read())
        return ""

    def request_stop(self, order: signal.Signals) -> None:
        """Send the signal by which this server is asked to shut down. Does nothing once it has ended."""
        self._process.send_signal(order)

    def await_end(self, *, patience_seconds: float, then: Sequence[signal.Signals] = (signal.SIGKILL,)) -> None:
        """Wait for the end; after `patience_seconds` send each of `then`, with a few seconds after each."""
        try:
            if not self._ended_within(patience_seconds):
                for harder in then:
                    self._process.send_signal(harder)
                    if self._ended_within(_KILL_SECONDS):
                        break
        finally:
            if self._watchdog is not None:
                end_watchdog(self._watchdog)
                self._watchdog = None

    def _ended_within(self, seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return True
        return False


def run_to_end(command: Sequence[str | Path], *, inherit: int, text: str = "", timeout_seconds: float) -> str:
    """Run a server's tool with `text` as its input and return all that it printed.

    Raises `subprocess.CalledProcessError` (with the output) or `subprocess.TimeoutExpired`.
    """
    return subprocess.run(
        launched(command),
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=environment(),
        pass_fds=(inherit,),
        start_new_session=True,
        timeout=timeout_seconds,
        check=True,
        encoding="utf-8",
        errors="replace",
    ).stdout


def launched(command: Sequence[str | Path]) -> list[str]:
    """Return `command` with what makes it run as an ordinary user and end with this process."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        _check_root_may_be_ordinary()
        prefix += _AS_ORDINARY_USER
    if _kernel_ends_children():
        prefix += [*_WITH_PARENT, str(os.getpid())]
    return [*prefix, *map(str, command)]


def environment() -> dict[str, str]:
    """Return this process's environment without settings of PostgreSQL, and with neutral locale and time zone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def tail(output: bytes | str) -> str:
    """Return the last lines of a server's output, indented, to stand below a message."""
    text = output.decode(errors="replace") if isinstance(output, bytes) else output
    return "\n".join(f"    {line}" for line in text.splitlines()[-_TAIL_LINES:])


@cache
def _check_root_may_be_ordinary() -> None:
    advice = f"run Partita as an ordinary user, or {OTHER_SERVERS}"
    if sys.platform != "linux" or shutil.which("unshare") is None:
        raise ServersDidNotStart("PostgreSQL refuses to run as root.", advice)
    trial = subprocess.run([*_AS_ORDINARY_USER, "true"], capture_output=True, check=False)
    if trial.returncode != 0:
        problem = (
            "PostgreSQL refuses to run as root, and this root may not make a user namespace to be someone else in."
        )
        raise ServersDidNotStart(problem, advice, tail(trial.stderr))


@cache
def _kernel_ends_children() -> bool:
    # A setpriv may be there and not know the option (BusyBox), so it is tried.
    if sys.platform != "linux" or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*_WITH_PARENT[:4], "true"], capture_output=True, check=False).returncode == 0


def _watchdog(pid: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*_WATCHDOG, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def end_watchdog(watchdog: subprocess.Popen[bytes]) -> None:
    """End a watchdog whose server has ended, before the server's pid may become another process's."""
    watchdog.kill()
    watchdog.wait()
    if watchdog.stdin is not None:
        watchdog.stdin.close()


def _rotate(log: Path) -> None:
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES_MAX:
            log.replace(log.with_name(f"{log.name}.1"))

"""The folder of the embedded servers: who owns it, what is secret in it, and where its servers listen.

    lock             held (flock) by the process whose servers run here; its text is that process's id
    servers.json     the URLs, for other processes of the same user; valid only while `lock` is held
    password         of both servers
    postgres/        the data of PostgreSQL        postgres.log, postgres.running
    valkey/          the data of Valkey            valkey.log, valkey.running

Nobody but the user may read any of it: folders are made with mode 0700, files with 0600.
"""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from adapters.embedded.errors import FolderInUse, ServersDidNotStart

_POLL_SECONDS = 0.02
# Long enough for `running_servers` of another process, which holds the lock for an instant, to let it go.
_LOCK_PATIENCE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """Where embedded servers listen, with their password: `postgresql://…` and `redis://…`, on 127.0.0.1 only."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


def running_servers(folder: Path) -> ServerUrls | None:
    """Return the URLs of the servers that a live process has started in `folder`, or None.

    None also while that process is still starting them. Never starts, stops or writes anything.
    """
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _try_lock(descriptor, fcntl.LOCK_SH):
            return None  # nobody holds it, so what servers.json says is history
        owner = _read_pid(descriptor)
        recorded = json.loads((folder / "servers.json").read_text())
        # Right after a kill -9, servers.json may still be the previous owner's.
        if owner is None or recorded["pid"] != owner:
            return None
        return ServerUrls(database_url=recorded["database_url"], redis_url=recorded["redis_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    finally:
        os.close(descriptor)


class ServerFolder:
    """A folder for embedded servers, from `claim()` to `release()` for this process alone."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def claim(self) -> None:
        """Make the folder where needed and take its lock; the kernel lets go of it when this process dies.

        Raises `FolderInUse`, or `OSError` where the folder cannot be made or locked.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _lock_within(lock, _LOCK_PATIENCE_SECONDS):
                raise FolderInUse(self.path, _read_pid(lock))
            self.servers_json.unlink(missing_ok=True)
            note_pid(lock, os.getpid())
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def release(self) -> None:
        """Forget the URLs and let go of the lock. Does nothing when the lock is not held."""
        if self._lock is None:
            return
        with suppress(OSError):
            self.servers_json.unlink(missing_ok=True)
            # The file stays: a lock file that is removed can be locked by two processes under one name.
            os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None

    @property
    def claimed(self) -> bool:
        """Whether this process holds the lock."""
        return self._lock is not None

    @property
    def servers_json(self) -> Path:
        """Where the URLs are recorded."""
        return self.path / "servers.json"

    def password(self) -> str:
        """Return the password of both servers, drawn once (128 bits)."""
        file = self.path / "password"
        try:
            if text := file.read_text().strip():
                return text
        except FileNotFoundError:
            pass
        if (self.path / "postgres").exists():
            raise ServersDidNotStart(
                f"{file} is gone or empty, and the database in {self.path / 'postgres'} was made with it.",
                "put the file back, or set PARTITA_DATA_DIR to another folder to begin with an empty database",
            )
        drawn = secrets.token_hex(16)
        write_private(file, drawn)
        return drawn

    def record(self, urls: ServerUrls) -> None:
        """Tell other processes of the same user where the servers listen."""
        write_private(
            self.servers_json,
            json.dumps({"pid": os.getpid(), "database_url": urls.database_url, "redis_url": urls.redis_url}),
        )

    @contextmanager
    def running_lock(self, server: str, patience_seconds: float) -> Iterator[int]:
        """Yield a locked descriptor for one server process to inherit.

        The server's processes, and nobody else, keep `<server>.running` locked as long as any of them lives. So
        whoever gets this lock knows that nothing of an earlier server is left, whatever its pid file says.
        Waits for an earlier server that is still shutting down; raises `ServersDidNotStart` after `patience_seconds`.
        """
        descriptor = os.open(self.path / f"{server}.running", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _lock_within(descriptor, patience_seconds):
                pid = _read_pid(descriptor)
                raise ServersDidNotStart(
                    f"The {server} server of an earlier run (process {pid or 'unknown'}) has not ended in "
                    f"{patience_seconds:.0f} seconds.",
                    f"wait and try again, or end it{f' (kill -INT {pid})' if pid else ''}",
                )
            yield descriptor
        finally:
            os.close(descriptor)


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, all at once: a reader sees the old text or the new one."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    draft.replace(file)


def note_pid(descriptor: int, pid: int) -> None:
    """Write `pid` as the whole text of a lock file, if the disk has room: it is there for people to read."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(pid).encode(), 0)


def _lock_within(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0)
    return int(text) if text.isdigit() else None

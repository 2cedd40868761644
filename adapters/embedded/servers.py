"""PostgreSQL and Valkey together, as `make run`, the command line and the tests start them."""

from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.embedded.errors import OTHER_SERVERS, ServersDidNotStart
from adapters.embedded.folder import ServerFolder, ServerUrls
from adapters.embedded.postgres import Postgres
from adapters.embedded.valkey import Valkey

_NOT_STARTED = "The embedded servers are not started."


class EmbeddedServers:
    """A PostgreSQL and a Valkey whose data live in one folder, for this process and no other.

    They listen on free ports of 127.0.0.1 and end with this process, however it ends. Their data stay: the next
    start in the same folder finds them. Use it as a context manager, or call `start()` and `stop()`, from the main
    thread: on Linux a server ends with the thread that started it.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is made or started yet."""
        self._folder = ServerFolder(folder)
        self._postgres = Postgres(self._folder)
        self._valkey = Valkey(self._folder)
        self._urls: ServerUrls | None = None

    def start(self) -> ServerUrls:
        """Start both servers and return once both answer; once started, only return the URLs again.

        The first start in a folder makes it (mode 0700), the superuser `partita` and an empty database `partita`.
        Waits up to half a minute for servers of an earlier run which are still shutting down.
        Raises `FolderInUse` when another process has its servers there, else `ServersDidNotStart`; after either,
        nothing is left running.
        """
        if self._urls is not None:
            return self._urls
        try:
            self._folder.claim()
            urls = ServerUrls(database_url=self._postgres.start(), redis_url=self._valkey.start())
            self._folder.record(urls)
        except OSError as error:
            self.stop()
            raise ServersDidNotStart(
                f"The data folder {self._folder.path} cannot be used: {error}.",
                "see that it lies on a local disk with space left and belongs to you, "
                f"set PARTITA_DATA_DIR to another folder, or {OTHER_SERVERS}",
            ) from error
        except BaseException:
            self.stop()
            raise
        self._urls = urls
        return urls

    def stop(self) -> None:
        """Shut both servers down, by force where they take too long, and let go of the folder.

        Does nothing when they were not started or are stopped already.
        """
        self._urls = None
        try:
            self._postgres.request_stop()
            self._valkey.request_stop()
            self._valkey.await_end()
            self._postgres.await_end()
        finally:
            self._folder.release()

    @property
    def urls(self) -> ServerUrls:
        """Where the servers listen. Raises `RuntimeError` when they are not started."""
        if self._urls is None:
            raise RuntimeError(_NOT_STARTED)
        return self._urls

    @property
    def postgres_pid(self) -> int:
        """The id of the main PostgreSQL process, for tests that kill it. Raises `RuntimeError` when not started."""
        return _started(self._postgres.pid)

    @property
    def valkey_pid(self) -> int:
        """The id of the Valkey process. Raises `RuntimeError` when not started."""
        return _started(self._valkey.pid)

    def restart_postgres(self) -> None:
        """Start PostgreSQL again at the same URL, after it was killed or else after stopping it.

        Returns once it accepts connections, recovery included. Raises `ServersDidNotStart`.
        """
        _started(self._postgres.pid)
        self._postgres.restart()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _started(pid: int | None) -> int:
    if pid is None:
        raise RuntimeError(_NOT_STARTED)
    return pid

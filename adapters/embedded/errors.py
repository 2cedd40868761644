"""What can go wrong with embedded servers. Each message says what to do about it.

EmbeddedServersError
├── FolderInUse          another live process has its servers in the folder
└── ServersDidNotStart   a server, or what it needs, is not there
"""

from pathlib import Path

OTHER_SERVERS = "set DATABASE_URL and REDIS_URL to servers of your own"


class EmbeddedServersError(Exception):
    """The root of both; its text is fit to be shown to the person who started Partita."""


class FolderInUse(EmbeddedServersError):
    """Another live process runs its servers in `folder`; `pid` is that process, if it has said so yet."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        owner = "Another process" if pid is None else f"Process {pid}"
        super().__init__(
            f"{owner} already runs its servers in {folder}. Stop it"
            + ("" if pid is None else f" (kill {pid})")
            + ", or set PARTITA_DATA_DIR to another folder."
        )
        self.folder = folder
        self.pid = pid


class ServersDidNotStart(EmbeddedServersError):
    """A server did not come up. The text ends with what to do, and with the last lines of the server's log."""

    def __init__(self, problem: str, advice: str, log_tail: str = "") -> None:
        text = f"{problem} {advice[0].upper()}{advice[1:]}."
        super().__init__(f"{text}\n{log_tail}" if log_tail else text)
        self.log_tail = log_tail

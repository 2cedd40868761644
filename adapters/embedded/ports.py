"""Free ports, and servers that may lose the race for one."""

import socket
import time
from collections.abc import Callable
from typing import Final

from adapters.embedded.errors import OTHER_SERVERS, ServersDidNotStart
from adapters.embedded.processes import ServerProcess

HOST: Final = "127.0.0.1"
_ATTEMPTS: Final = 5
_POLL_SECONDS: Final = 0.01
_PORT_TAKEN: Final = "Address already in use"


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def start_on_free_port(
    name: str,
    spawn: Callable[[int], ServerProcess],
    is_ready: Callable[[ServerProcess, int], bool],
    *,
    port: int | None,
    patience_seconds: float,
) -> tuple[ServerProcess, int]:
    """Spawn a server and wait until it is ready; with no `port` given, try others while someone is quicker.

    Raises `ServersDidNotStart` when it ends instead, or is not ready after `patience_seconds`.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        chosen = free_port() if port is None else port
        process = spawn(chosen)
        try:
            deadline = time.monotonic() + patience_seconds
            while not process.ended and time.monotonic() < deadline:
                if is_ready(process, chosen):
                    return process, chosen
                time.sleep(_POLL_SECONDS)
        except BaseException:
            process.await_end(patience_seconds=0)
            raise
        what = "ended at once" if process.ended else f"was not ready after {patience_seconds:.0f} seconds"
        process.await_end(patience_seconds=0)
        log_tail = process.log_tail()
        if _PORT_TAKEN in log_tail and port is None and attempt < _ATTEMPTS:
            continue
        raise ServersDidNotStart(
            f"{name} {what}; its last words are below.",
            f"see whether the disk is full or a limit was reached, then try again, or {OTHER_SERVERS}",
            log_tail,
        )
    raise AssertionError("the last attempt returns or raises")

"""Writing an answer at once: its head and its body in one system call, which wakes the client once."""

import asyncio
from typing import Any, Final, cast

from entrypoints.cli.bounded_requests import BoundedProtocol

_GATHERED_BYTES_MAX: Final = 64 * 1024


class GatheredWrites:
    """A transport that writes what one turn of the event loop gives it all together.

    What is long goes out at once, so that the real transport can ask for a pause.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def write(self, data: bytes) -> None:
        """Write soon, or now if there is much."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > _GATHERED_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
            self._transport.write(data)

    def close(self) -> None:
        """Write what waits, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the transport does."""
        return getattr(self._transport, name)


class GatheringProtocol(BoundedProtocol):
    """Uvicorn's protocol, with bounds, on gathered writes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to serve a connection."""
        super().connection_made(cast(asyncio.Transport, GatheredWrites(transport, self.loop)))

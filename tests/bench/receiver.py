"""A receiver of webhooks and traces that answers at once, in a process of its own: `python -m tests.bench.receiver`."""

import asyncio
import re
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


class Receiver(asyncio.Protocol):
    """Takes one request after the other on a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing."""
        self._transport = cast(asyncio.Transport, transport)
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._waiting += data
        while (head := self._waiting.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._waiting, 0, head)
            assert length is not None
            end = head + 4 + int(length.group(1))
            if len(self._waiting) < end:
                return
            self._waiting = self._waiting[end:]
            self._transport.write(_ANSWER)


async def main() -> None:
    """Serve until killed; say on which port."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())

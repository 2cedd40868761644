"""WebSockets as uvicorn serves them, with an end to those whose client does not read."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MESSAGE_BYTES_MAX: Final = 64 * 1024
PING_SECONDS: Final = 20.0
# How long what was written last may take to be read, once the application is done with a client.
LINGER_SECONDS: Final = 5.0


class BoundedSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol. A closed connection whose client does not read would be kept until TCP gave up."""

    def on_task_complete(self, task: "asyncio.Task[Any]") -> None:
        """Give the connection up soon, whatever is still to be written."""
        super().on_task_complete(task)
        self._give_up_soon()

    def shutdown(self) -> None:
        """Close the connection, as the server stops."""
        super().shutdown()
        self._give_up_soon()

    def _give_up_soon(self) -> None:
        if not self.disconnected:
            self.loop.call_later(LINGER_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if not self.disconnected:
            self.transport.abort()

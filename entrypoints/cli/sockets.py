"""WebSockets as uvicorn serves them, with an end to those whose client does not read."""

import asyncio
import logging
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MESSAGE_BYTES_MAX: Final = 64 * 1024
PING_SECONDS: Final = 20.0
# How long what was written last may take to be read, once the application is done with a client.
LINGER_SECONDS: Final = 5.0
# Of answers to pings, on top of what is sent otherwise.
UNREAD_BYTES_MAX: Final = 1024 * 1024
# How long the application has to say itself that the server stops.
FAREWELL_SECONDS: Final = 1.0

# Both libraries would write down what is asked for, with the tickets in its query, and headers with their credentials.
LOG: Final = logging.getLogger("partita.sockets")
LOG.setLevel(logging.WARNING)
# Uvicorn says so of each handshake that the application refuses, and answers, as it is to.
LOG.addFilter(lambda record: record.msg != "ASGI callable returned without completing handshake.")


class BoundedSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol. A closed connection whose client does not read would be kept until TCP gave up."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = self.conn.logger = LOG
        self.conn.debug = False

    def handle_ping(self) -> None:
        """Answer, unless the client leaves answers unread: that costs it nothing, and would fill the memory."""
        if self.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.transport.abort()
        else:
            super().handle_ping()

    def on_task_complete(self, task: "asyncio.Task[Any]") -> None:
        """Give the connection up soon, whatever is still to be written."""
        super().on_task_complete(task)
        self._give_up_soon()

    def shutdown(self) -> None:
        """Close the connection, as the server stops, once the application has said so to the client."""
        if self.handshake_complete and not self.close_sent:
            self.loop.call_later(FAREWELL_SECONDS, self._shut_down)
        else:
            self._shut_down()

    def keepalive_timeout(self) -> None:
        """Close the connection of a client that gives no sign of life."""
        super().keepalive_timeout()
        self._give_up_soon()

    def _shut_down(self) -> None:
        if not self.disconnected:
            super().shutdown()
            self._give_up_soon()

    def _give_up_soon(self) -> None:
        if not self.disconnected:
            self.loop.call_later(LINGER_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if not self.disconnected:
            self.transport.abort()

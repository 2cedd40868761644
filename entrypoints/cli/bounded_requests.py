"""Bounds on how a request is sent: how long its head may be, how long that may take, and how long a body may pause.

Uvicorn has none of these. Without them, a few clients that send a byte now and then would keep every connection.

What breaks them is no request yet, so nothing of the application is asked; it is told by a problem all the same.
"""

import asyncio
import json
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from entrypoints.schemas.strict_headers import NO_REFERRER, NO_SNIFFING, NO_STORE, POLICY

HEAD_BYTES_MAX: Final = 64 * 1024
_HEAD_END: Final = b"\r\n\r\n"


def _answer(status: int, reason: str, code: str, title: str, detail: str) -> bytes:
    problem = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail, "code": code}
    body = json.dumps(problem, separators=(",", ":"))
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        NO_SNIFFING,
        NO_REFERRER,
        POLICY,
        NO_STORE,
        (b"connection", b"close"),
    ]
    lines = [f"HTTP/1.1 {status} {reason}".encode(), *[b"%s: %s" % header for header in headers]]
    return b"\r\n".join([*lines, b"", body.encode()])


NOT_HTTP: Final = _answer(400, "Bad Request", "not-http", "Not a request", "What was sent is no request of HTTP/1.1.")
HEAD_TOO_SLOW: Final = _answer(
    408,
    "Request Timeout",
    "head-too-slow",
    "The request took too long",
    "The head of the request did not come in time.",
)
HEAD_TOO_LARGE: Final = _answer(
    431,
    "Request Header Fields Too Large",
    "head-too-large",
    "The head is too large",
    f"The head of the request is longer than {HEAD_BYTES_MAX:,} bytes.",
)


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, with bounds."""

    head_seconds_max: float = 10
    body_idle_seconds_max: float = 60
    # An answer of which the client reads nothing for so long has no reader: a stream of events would wait for ever.
    unread_seconds_max: float = 60

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to serve a connection: before its first request it is as idle as it may be between two."""
        super().connection_made(transport)
        self._is_upgraded = False
        self._unread: asyncio.TimerHandle | None = None
        self._is_in_head = True
        self._has_begun = False
        self._head_bytes = 0
        self._last = b""
        self._received_at = 0.0
        self._waiting: asyncio.TimerHandle | None
        self._waiting = self.loop.call_later(self.timeout_keep_alive, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """End with the connection."""
        self._wait_no_more()
        self._read_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what was sent, within the bounds."""
        if self._is_in_head and self._head_bytes + len(data) > HEAD_BYTES_MAX and not self._has_end(data):
            self._refuse(HEAD_TOO_LARGE)
            return
        super().data_received(data)
        if self._is_upgraded:
            return
        if self._is_in_head:
            if self._has_begun:
                self._head_bytes += len(data)
                self._last = data[-len(_HEAD_END) :]
                if self._waiting is None:
                    self._wait_for_head()
        else:
            self._received_at = self.loop.time()
            if self._waiting is None:
                self._wait_for_body()

    def pause_writing(self) -> None:
        """Give the connection up soon, unless the client reads on."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.unread_seconds_max, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self._read_on()

    def _read_on(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to another protocol, which has bounds of its own."""
        self._is_upgraded = True
        self._wait_no_more()
        self._read_on()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Tell that what came is no HTTP."""
        self._refuse(NOT_HTTP)

    def on_message_begin(self) -> None:
        """Begin a request, whose head must come soon."""
        self._has_begun = True
        self._wait_no_more()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._is_in_head = False
        self._head_bytes = 0
        self._last = b""
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next request."""
        self._is_in_head = True
        self._has_begun = False
        self._wait_no_more()
        super().on_message_complete()

    def _has_end(self, data: bytes) -> bool:
        """Whether the head that has begun ends in time with what has come now, whose beginning may be its very end."""
        return _HEAD_END in (self._last + data[: HEAD_BYTES_MAX - self._head_bytes])

    def _wait_for_head(self) -> None:
        self._waiting = self.loop.call_later(self.head_seconds_max, self._head_is_late)

    def _wait_for_body(self) -> None:
        self._waiting = self.loop.call_at(self._received_at + self.body_idle_seconds_max, self._body_may_be_late)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _head_is_late(self) -> None:
        self._waiting = None
        if self._has_begun:
            self._refuse(HEAD_TOO_SLOW)
        else:
            self.transport.close()

    def _body_may_be_late(self) -> None:
        """Close the connection, unless something came meanwhile, or it is the server that does not read on."""
        self._waiting = None
        if self.flow.read_paused:
            self._received_at = self.loop.time()
        if self._received_at + self.body_idle_seconds_max > self.loop.time():
            self._wait_for_body()
        else:
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

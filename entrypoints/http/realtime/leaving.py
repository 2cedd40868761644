"""Why the server closes a connection, or opens none."""

from domain.shared.errors import DomainError, ErrorKind
from entrypoints.http.v1.realtime_documents import CloseCode


class UnknownSubprotocol(DomainError):
    """The handshake offers sub-protocols of which this server speaks none. It speaks `partita.v1`."""

    code = "unknown-sub-protocol"
    kind = ErrorKind.MALFORMED
    title = "No such protocol"


class ServerStops(DomainError):
    """The server stops, maybe to start again at once. Connect again, and go on where this connection ended."""

    code = "server-stops"
    kind = ErrorKind.UNAVAILABLE
    title = "The server stops"


class ReaderTooSlow(DomainError):
    """What was sent was not read for 20 seconds. Connect again, and go on where this connection ended."""

    code = "reader-too-slow"
    kind = ErrorKind.UNAVAILABLE
    title = "Too slow"


class Leave(Exception):
    """The connection is to be closed."""

    def __init__(self, code: CloseCode, refusal: DomainError) -> None:
        super().__init__(refusal.detail)
        self.code = code
        self.refusal = refusal

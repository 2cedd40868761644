"""Letters go to receivers by POST: soon answered, or not at all, and never redirected."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Final

import httpcore2

from adapters.http_client.guarded_network import GuardedNetwork, NameResolver, Resolve
from adapters.http_client.tls import tls_context
from application.shared.ports import Clock
from application.webhooks.cloud_event import CONTENT_TYPE
from application.webhooks.ports import Answer, SignedMessage
from domain.webhooks.addresses import Network

CONNECT_SECONDS_MAX: Final = 5.0
SECONDS_MAX: Final = 15.0
ANSWER_BYTES_MAX: Final = 64 * 1024
CONNECTIONS_MAX: Final = 300
IDLE_CONNECTIONS_MAX: Final = 100
IDLE_SECONDS_MAX: Final = 20.0
_TIMEOUT: Final = {"connect": CONNECT_SECONDS_MAX, "read": SECONDS_MAX, "write": SECONDS_MAX, "pool": SECONDS_MAX}


class HttpPost:
    """Sends over HTTP/1.1, on connections that are used again.

    Nothing is taken from the environment but which authorities to trust: no proxy, and no password of `.netrc`.
    """

    def __init__(
        self,
        clock: Clock,
        allowed: Sequence[Network] = (),
        *,
        resolve: Resolve | None = None,
        seconds_max: float = SECONDS_MAX,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`allowed` are networks that may be reached besides the public internet."""
        self._clock = clock
        self._allowed = allowed
        self._resolver = NameResolver() if resolve is None else None
        self._resolve = resolve or self._resolver
        self._seconds_max = seconds_max
        self._tls = tls
        self._pool: httpcore2.AsyncConnectionPool | None = None
        self._headers: dict[bytes | str, bytes | str] = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": f"Partita/{version('partita')} (webhooks)",
            "Accept-Encoding": "identity",
        }

    async def send(self, message: SignedMessage) -> Answer:
        headers = self._headers | {
            "webhook-id": message.id,
            "webhook-timestamp": str(message.timestamp_seconds),
            "webhook-signature": message.signature,
        }
        try:
            async with (
                asyncio.timeout(self._seconds_max),
                self._opened().stream(
                    "POST", message.url, headers=headers, content=message.body, extensions={"timeout": _TIMEOUT}
                ) as response,
            ):
                await _read_some(response)
                return self._answer(response)
        except (TimeoutError, httpcore2.TimeoutException) as error:
            is_connecting = isinstance(error, httpcore2.ConnectTimeout)
            seconds = min(CONNECT_SECONDS_MAX, self._seconds_max) if is_connecting else self._seconds_max
            what = "cannot be connected to" if is_connecting else "does not answer"
            return Answer(error=f"It {what} within {seconds:g} s.")
        except httpcore2.ConnectError as error:
            return Answer(error=f"It cannot be connected to: {_said(error)}.")
        # While an answer is read, failures of TLS come as they are.
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError) as error:
            return Answer(error=f"It does not answer as a server of HTTP: {_said(error)}.")

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.aclose()
        if self._resolver is not None:
            await self._resolver.close()

    def _opened(self) -> httpcore2.AsyncConnectionPool:
        if self._pool is None:
            assert self._resolve is not None
            self._pool = httpcore2.AsyncConnectionPool(
                self._tls or tls_context(),
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=IDLE_CONNECTIONS_MAX,
                keepalive_expiry=IDLE_SECONDS_MAX,
                network_backend=GuardedNetwork(self._resolve, self._allowed),
            )
        return self._pool

    def _answer(self, response: httpcore2.Response) -> Answer:
        status = response.status
        if 200 <= status < 300:
            return Answer(status)
        redirects = " Redirects are not followed." if 300 <= status < 400 else ""
        return Answer(status, f"It answers with the status {status}.{redirects}", self._asked_pause(response))

    def _asked_pause(self, response: httpcore2.Response) -> timedelta | None:
        """Return what `Retry-After` says, in either of its forms, if it says anything."""
        text = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"").decode(
            "latin-1"
        )
        if text.isascii() and text.isdecimal() and len(text) <= 9:
            return timedelta(seconds=int(text))
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return max(timedelta(), moment - self._clock.now())


async def _read_some(response: httpcore2.Response) -> None:
    """Read what an answer holds, so that its connection can be used again; one that is too long is broken off."""
    size = 0
    async for chunk in response.aiter_stream():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            return


def _said(error: Exception) -> str:
    """Return what went wrong, in words that tell nothing of this server's network."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not good ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return "TLS cannot be agreed on" if isinstance(error, httpcore2.ConnectError) else "TLS is broken"
        if isinstance(cause, ConnectionRefusedError):
            return "it refuses"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore2.ConnectError):
        return str(error) if str(error).startswith("it") else "there is no way there"
    is_broken_off = isinstance(error, httpcore2.NetworkError | OSError)
    return "it breaks off" if is_broken_off else "what it sends cannot be read"

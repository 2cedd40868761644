"""Connections to addresses that may be reached, and to no others, whatever a name leads to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any, Final

import httpcore2

from domain.webhooks.addresses import Network, literal_address, may_be_reached

LOOK_UPS_MAX: Final = 16

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a name, for a port. Raises `OSError`."""


class AddressForbidden(httpcore2.ConnectError):
    """A name leads to no address that may be reached."""


class SystemResolver:
    """Looks names up as the system does, in threads of its own: one that does not answer holds nothing else up."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS_MAX, thread_name_prefix="webhook names")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        def look_up() -> list[str]:
            return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

        return await asyncio.get_running_loop().run_in_executor(self._threads, look_up)

    def close(self) -> None:
        """Wait for no look-ups any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Resolves a name once, checks what it leads to, and connects to exactly that.

    Nobody who answers for a name can say one thing when it is checked and another when it is called.
    """

    def __init__(self, resolve: Resolve, allowed: Sequence[Network]) -> None:
        """`allowed` are networks that may be reached besides the public internet."""
        self._resolve = resolve
        self._allowed = allowed
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 # the library calls it so
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                return await self._connected(host, port, socket_options)
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None

    async def _connected(
        self, host: str, port: int, socket_options: Iterable[Any] | None
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, socket_options=socket_options)
            except httpcore2.ConnectError as error:
                failure = error
        raise failure or AddressForbidden("it leads to no address of the public internet, and nothing is sent there")

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        literal = literal_address(host)
        try:
            found = [str(literal)] if literal is not None else await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("its name is not known") from None
        reachable = [each for each in found if may_be_reached(ip_address(each), self._allowed)]
        return list(dict.fromkeys(reachable))

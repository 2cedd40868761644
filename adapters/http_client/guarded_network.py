"""Connections to addresses that may be reached, and to no others, whatever a name leads to."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Final

import httpcore2
from aiodns import DNSResolver
from aiodns.error import DNSError
from pycares import AddrInfoResult

from domain.webhooks.addresses import Network, literal_address, may_be_reached

# Each name server is asked twice, and waited for so long and then twice as long.
LOOK_UP_SECONDS: Final = 1.5
LOOK_UP_TRIES: Final = 2

# By the URL standard such a host is an address in one of its old forms, and no name.
_ENDS_IN_A_NUMBER: Final = re.compile(r"(.*\.)?([0-9]+|0[xX][0-9a-fA-F]*)\.?")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a name, for a port. Raises `OSError`."""


class AddressForbidden(httpcore2.ConnectError):
    """A name leads to no address that may be reached."""


class NameResolver:
    """Looks names up in the hosts file and at the name servers of the system.

    No look-up takes a thread, and each ends by itself: one that is not answered holds nothing else up. Who asks for the
    same name meanwhile is told the same.
    """

    def __init__(self, servers: Sequence[str] | None = None) -> None:
        """`servers` are asked in the place of those of the system."""
        self._servers = servers
        self._resolver: DNSResolver | None = None
        self._under_way: dict[tuple[str, int], asyncio.Future[AddrInfoResult]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        # Who goes away stops it for nobody else.
        place = (host, port)
        if place not in self._under_way:
            self._under_way[place] = self._opened().getaddrinfo(host, port=port, type=socket.SOCK_STREAM)
            self._under_way[place].add_done_callback(lambda _: self._under_way.pop(place))
        try:
            found = await asyncio.shield(self._under_way[place])
        except DNSError as error:
            raise OSError(str(error)) from None
        return [node.addr[0].decode() for node in found.nodes]

    async def close(self) -> None:
        """Break all look-ups off."""
        if self._resolver is not None:
            await self._resolver.close()
            # It says so from a thread of its own.
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _opened(self) -> DNSResolver:
        if self._resolver is None:
            self._resolver = DNSResolver(self._servers, timeout=LOOK_UP_SECONDS, tries=LOOK_UP_TRIES)
        return self._resolver


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
        if literal is None and _ENDS_IN_A_NUMBER.fullmatch(host):
            raise httpcore2.ConnectError("its name is not known")
        try:
            found = [str(literal)] if literal is not None else await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("its name is not known") from None
        reachable = [each for each in found if may_be_reached(ip_address(each), self._allowed)]
        return list(dict.fromkeys(reachable))

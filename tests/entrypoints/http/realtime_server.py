"""A server whose inside can be looked at, and connections to it that are not what a good client makes of them."""

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from adapters.embedded import ServerUrls
from entrypoints.container import Services, opened
from entrypoints.http.app import Partita, create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import served


@dataclass(frozen=True)
class OwnServer:
    """A server in this process."""

    url: str
    app: Partita
    services: Services

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self.app.state.realtime._connections)

    @property
    def followed(self) -> int:
        """How many ledgers are followed."""
        return len(self.services.relay._streams)


@asynccontextmanager
async def own_server(settings: Settings, database_url: str, redis_url: str, **changes: Any) -> AsyncIterator[OwnServer]:
    """Serve over this database and Redis, with changed settings."""
    async with opened(settings.model_copy(update=changes), ServerUrls(database_url, redis_url)) as container:
        app = create_app(container.services())
        async with served(app) as url:
            yield OwnServer(url, app, container.services())


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for what happens soon."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 # nothing tells of it
            await asyncio.sleep(0.01)


async def raw_connection(url: str, key: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket of which only the handshake is done: nobody answers a ping there."""
    host, port = urlsplit(url).netloc.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    nonce = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /v1/realtime HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head, head
    return reader, writer


async def narrow_socket(url: str) -> socket.socket:
    """A connected socket that takes little at a time, so that a server soon feels that nobody reads."""
    host, port = urlsplit(url).netloc.split(":")
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (host, int(port)))
    return made


NewOwnServer = Callable[..., Awaitable[OwnServer]]

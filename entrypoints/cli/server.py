"""Serving HTTP: from the port that is taken first to the last answer that is given."""

import asyncio
import errno
import gc
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import uvicorn

from entrypoints.cli.failures import CommandFailed
from entrypoints.cli.gathered_writes import GatheringProtocol
from entrypoints.cli.sockets import MESSAGE_BYTES_MAX, PING_SECONDS, BoundedSocket
from entrypoints.container import Services
from entrypoints.settings import Settings

_BACKLOG: Final = 2048
_READY_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02


@contextmanager
def listening(host: str, port: int, *, variable: str = "PARTITA_PORT") -> Iterator[socket.socket]:
    """Take the port, before anything else is begun; who connects already is served later. Raises `CommandFailed`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise CommandFailed(f"{host!r} is not an address to listen on: {error.strerror}.") from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise CommandFailed(_why_not(error, host, port, variable)) from error
        yield listener


def _why_not(error: OSError, host: str, port: int, variable: str) -> str:
    another = f"choose another: {variable}={port + 1 if port < 65_535 else 8000}"
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken: something else listens there. Stop it, or {another}."
    if error.errno == errno.EACCES:
        return f"You may not listen on port {port}: {another}."
    return f"Nothing can listen on port {port} of {host}: {error.strerror}."


def url_of(listener: socket.socket) -> str:
    """Return the URL by which this machine reaches the listener."""
    host, port = _reachable(listener)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reachable(listener: socket.socket) -> tuple[str, int]:
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 # asked for by the user


async def serve_until_stopped(
    services: Services,
    listener: socket.socket,
    on_ready: Callable[[], Awaitable[None]],
    is_stop_asked: Callable[[], bool],
) -> None:
    """Serve until SIGINT or SIGTERM; then answer what was asked, within the time that the settings give.

    After SIGTERM, it goes on for as long as they say, so that whoever sends requests notices that it is not ready.

    `on_ready` is called once requests are answered. Return at once if a stop was asked for before.
    """
    # By name, as every ASGI server finds its application: HTTP and the command line do not depend on each other.
    app: Any = import_module("entrypoints.http.app").create_app(services)
    config = server_config(app, services.settings)
    server = _Server(config, services)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, server.stop)
    loop.add_signal_handler(signal.SIGTERM, server.stop_soon)
    if is_stop_asked():
        return
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    welcoming = asyncio.create_task(_welcome(server, listener, on_ready))
    await asyncio.wait((serving, welcoming), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done() and welcoming.exception() is not None:
        server.stop()
    await serving
    welcoming.cancel()
    await asyncio.wait((welcoming,))
    if not welcoming.cancelled():
        welcoming.result()


def server_config(app: Any, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn serves the application."""
    return uvicorn.Config(
        app,
        http=_protocol(settings),
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        # Who a client is, the application takes from headers of trusted proxies alone.
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.stop_seconds,
        ws=BoundedSocket,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        # It takes hundreds of kilobytes a connection.
        ws_per_message_deflate=False,
    )


def _protocol(settings: Settings) -> type[GatheringProtocol]:
    class Protocol(GatheringProtocol):
        head_seconds_max = settings.head_seconds_max
        body_idle_seconds_max = settings.body_idle_seconds_max

    return Protocol


class UnsignalledServer(uvicorn.Server):
    """Uvicorn's server, which leaves signals to us: it would pass them on to the process at its end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _Server(UnsignalledServer):
    """The server of the application, which stops in order."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    def stop_soon(self) -> None:
        """Say that it stops, and stop a while later; at once, if asked again."""
        grace_seconds = self._services.settings.stop_grace_seconds
        if not grace_seconds or self._services.lifecycle.is_stopping:
            self.stop()
            return
        self._services.lifecycle.is_stopping = True
        asyncio.get_running_loop().call_later(grace_seconds, self._stop_once)

    def stop(self) -> None:
        """Stop: answer what was asked, and let those who follow a ledger go. Give all of it up, if asked again."""
        self._services.lifecycle.is_stopping = True
        self._services.relay.end()
        self.force_exit = self.should_exit
        self.should_exit = True
        # What it would say of requests that are cut off from here on is what was asked for.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)

    def _stop_once(self) -> None:
        if not self.should_exit:
            self.stop()


async def _welcome(server: _Server, listener: socket.socket, on_ready: Callable[[], Awaitable[None]]) -> None:
    await server.listens.wait()
    gc.collect()
    gc.freeze()
    host, port = _reachable(listener)
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while not await _is_ready(host, port):
        if asyncio.get_running_loop().time() > deadline:
            raise CommandFailed(f"The server is not ready after {_READY_SECONDS:.0f} seconds; see /health/ready.")
        await asyncio.sleep(_POLL_SECONDS)
    await on_ready()


async def _is_ready(host: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET /health/ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b" 200 " in await reader.readline()
    finally:
        writer.close()

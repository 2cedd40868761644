"""The port for those who run the server, of servers and workers alike."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import uvicorn

from entrypoints.cli.server import UnsignalledServer, listening, url_of
from entrypoints.container import Services


@asynccontextmanager
async def operations_served(services: Services) -> AsyncIterator[None]:
    """Serve figures and health meanwhile, if there is a port for that; until the very end. Raises `CommandFailed`."""
    settings = services.settings
    if settings.metrics_port is None:
        yield
        return
    with listening(settings.host, settings.metrics_port, variable="PARTITA_METRICS_PORT") as listener:
        app: Any = import_module("entrypoints.http.operations").create_operations_app(services)
        server = UnsignalledServer(
            uvicorn.Config(app, lifespan="off", access_log=False, log_config=None, server_header=False)
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        sys.stdout.write(f"Metrics are at {url_of(listener)}/metrics\n")
        try:
            yield
        finally:
            server.should_exit = True
            await serving

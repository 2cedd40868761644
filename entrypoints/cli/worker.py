"""`partita worker`."""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from entrypoints.cli import Interruption
from entrypoints.cli.config import require_safe
from entrypoints.cli.session import load_settings, run_async

if TYPE_CHECKING:
    from entrypoints.container import Container


def worker() -> None:
    """Run jobs, send webhooks and do hourly duties, until Ctrl-C; any number of workers may do so at once."""
    stop = Interruption()
    for order in (signal.SIGINT, signal.SIGTERM):
        signal.signal(order, stop)
    from entrypoints.cli.log import log_to_stderr
    from entrypoints.container import opened, report_errors, servers

    settings = load_settings()
    require_safe(settings)
    log_to_stderr(settings.log_format)
    report_errors(settings)
    with servers(settings) as urls:

        async def run() -> None:
            async with opened(settings, urls) as container:
                await _work(container, stop)

        run_async(run())


async def _work(container: "Container", stop: Interruption) -> None:
    from entrypoints.cli.operations_port import operations_served

    await container.maintenance().require_migrated()
    if container.settings().is_production:
        await container.maintenance().require_bound_log_ins()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for order in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(order, stopping.set)
    if stop.is_asked:
        return
    services = container.services()
    async with operations_served(services):
        services.runners.start(with_work=True)
        try:
            sys.stdout.write("Partita works.\n")
            sys.stdout.flush()
            await stopping.wait()
        finally:
            services.lifecycle.is_stopping = True
            await services.end(with_work=True)

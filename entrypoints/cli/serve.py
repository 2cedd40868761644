"""`partita serve` and `partita migrate`."""

import signal
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.cli import Interruption
from entrypoints.cli.config import require_safe
from entrypoints.cli.demo import FILE_NAME, prepare_demo
from entrypoints.cli.session import load_settings, run_async, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container
    from entrypoints.settings import Settings


def serve(
    demo: Annotated[
        bool, typer.Option("--demo", help="Migrate, and make an organisation, a ledger and an API key to try out.")
    ] = False,
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="The port to listen on.", show_default="8000")
    ] = None,
) -> None:
    """Serve HTTP, until Ctrl-C; without DATABASE_URL, with a PostgreSQL of its own in the data folder."""
    stop = Interruption()
    for order in (signal.SIGINT, signal.SIGTERM):
        signal.signal(order, stop)
    from entrypoints.cli.log import log_to_stderr
    from entrypoints.cli.server import listening
    from entrypoints.container import opened, report_errors, servers

    settings = load_settings(host=host, port=port)
    require_safe(settings, is_demo=demo)
    log_to_stderr(settings.log_format)
    report_errors(settings)
    with listening(settings.host, settings.port) as listener, servers(settings, shared=not demo) as urls:

        async def run() -> None:
            async with opened(settings, urls) as container:
                await _serve(container, settings, listener, stop, is_demo=demo)

        run_async(run())


def migrate() -> None:
    """Bring the database's schema up to date."""

    async def run(container: "Container") -> None:
        await container.maintenance().migrate()

    with_database(run, migrated=False)
    typer.echo("The database is up to date.")


async def _serve(
    container: "Container", settings: "Settings", listener: socket.socket, stop: Interruption, *, is_demo: bool
) -> None:
    from entrypoints.cli.operations_port import operations_served
    from entrypoints.cli.server import serve_until_stopped, url_of

    maintenance = container.maintenance()
    if is_demo:
        await maintenance.migrate()
    else:
        await maintenance.require_migrated()
    if settings.is_production:
        await maintenance.require_bound_log_ins()
    services = container.services()
    url = url_of(listener)
    text = f"Partita serves at {url}"
    if is_demo:
        demo = await prepare_demo(services, settings.data_dir, url)
        text = demo.welcome(settings.data_dir / FILE_NAME)

    async def welcome() -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    async with operations_served(services):
        await serve_until_stopped(services, listener, welcome, lambda: stop.is_asked)

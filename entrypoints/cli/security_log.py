"""`partita security-log …`."""

from typing import TYPE_CHECKING

import typer

from entrypoints.cli.session import with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

app = typer.Typer(name="security-log", help="What happened to log-ins: trim.", no_args_is_help=True)


@app.callback()
def _only() -> None:
    """Keep the one command's own name."""


@app.command("trim")
def trim() -> None:
    """Remove what is older than 90 days; log-ins do so as well, a little each."""

    async def remove(container: "Container") -> None:
        removed = await container.own_accounts().trim_security_log()
        typer.echo(f"Removed {removed:,} entries.")

    with_database(remove)

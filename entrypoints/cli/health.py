"""`partita health`."""

from http.client import HTTPConnection, HTTPException
from typing import Annotated, Final

import typer

from entrypoints.cli.failures import CommandFailed
from entrypoints.cli.session import load_settings

_SECONDS: Final = 5


def health(
    live: Annotated[bool, typer.Option("--live", help="Ask only whether it is alive.")] = False,
) -> None:
    """Ask the server on this machine whether it can do its work; the exit code is 1 where it cannot.

    For health checks of containers, which need no other program for it. The server is found by PARTITA_HOST and
    PARTITA_PORT.
    """
    settings = load_settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 # as the server has it
    connection = HTTPConnection(host, settings.port, timeout=_SECONDS)
    try:
        connection.request("GET", "/health/live" if live else "/health/ready")
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise CommandFailed(f"Nothing answers at {host}:{settings.port}: {error}.") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise CommandFailed(f"It answered {answer.status}: {text}")
    typer.echo(text)

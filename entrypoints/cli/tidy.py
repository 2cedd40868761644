"""`partita tidy`."""

from typing import TYPE_CHECKING

import typer

from entrypoints.cli.session import with_database

if TYPE_CHECKING:
    from entrypoints.container import Container


def tidy() -> None:
    """Remove what is of no use any more, and tells of persons.

    That is what happened to log-ins, and sessions that ended, more than 90 days ago; mailed tokens, invitations
    and tickets whose time is over; and registrations of more than seven days ago whose address was never verified.
    Servers and workers do so every hour as well.
    """

    async def remove(container: "Container") -> None:
        removed = await container.person_keeping().tidy()
        typer.echo(
            f"Removed {removed.security_events:,} entries of the security log, {removed.sessions:,} sessions, "
            f"{removed.mailed_tokens:,} mailed tokens, {removed.registrations:,} registrations, "
            f"{removed.invitations:,} invitations, {removed.tickets:,} tickets."
        )

    with_database(remove)

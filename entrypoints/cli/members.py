"""`partita member …` and `partita invitation …`."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from domain.identity.role import Assignment, limits_of
from domain.shared.access import Principal
from domain.shared.chain import format_time
from entrypoints.cli.pages import all_of
from entrypoints.cli.session import OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

members = typer.Typer(name="member", help="Members of an organisation: list.", no_args_is_help=True)
invitations = typer.Typer(name="invitation", help="Invitations: create.", no_args_is_help=True)


@members.command("list")
def list_members(organisation: OrganisationOption = None) -> None:
    """List the members of an organisation, and what they may do."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        async for known in all_of(partial(container.member_keeping().list, principal)):
            roles = ", ".join(_told(assignment) for assignment in known.member.assignments)
            joined = format_time(known.member.joined_at)
            typer.echo(f"{known.member.person}  {joined}  {known.email or 'erased'}  {roles}")

    with_database(show)


def _told(assignment: Assignment) -> str:
    limits = [pattern.text for pattern in assignment.ledgers or ()]
    limits += [pattern.text for pattern in assignment.accounts or ()]
    return f"{assignment.role} ({', '.join(limits)})" if limits else assignment.role


@invitations.command("create")
def create_invitation(
    email: Annotated[str, typer.Argument(help="Whom to invite, by e-mail address.")],
    roles: Annotated[list[str], typer.Option("--role", help="A role to have; may be given several times.")],
    ledgers: Annotated[
        list[str] | None, typer.Option("--ledger-pattern", help="Only in these ledgers, such as eu-*.")
    ] = None,
    accounts: Annotated[
        list[str] | None, typer.Option("--account", help="Only on these accounts, such as users:*:**.")
    ] = None,
    organisation: OrganisationOption = None,
) -> None:
    """Invite someone; the token to accept with is printed this once, alone on stdout, for you to pass on."""

    async def create(container: "Container") -> None:
        principal = await acting(container, organisation)
        limits = limits_of({"ledgers": ledgers or None, "accounts": accounts or None})
        await invited(container, principal, email, [Assignment(role, *limits) for role in roles])

    with_database(create)


async def invited(container: "Container", principal: Principal, email: str, assignments: Sequence[Assignment]) -> None:
    """Invite someone, and print the token, which is not mailed."""
    invitation, token = await container.inviting().invite(
        principal, email, assignments, request_id=container.ids().new("req"), is_mailed=False
    )
    until = format_time(invitation.expires_at)
    typer.echo(
        f"Invited {invitation.email} by {invitation.id}, until {until}. Pass the token on; it is accepted, after a "
        "log-in, by POST /v1/invitations/accept:",
        err=True,
    )
    typer.echo(token)

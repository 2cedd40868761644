"""`partita member …`, `partita invitation …` and `partita organisation quota`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from application.shared.pagination import PageRequest
from domain.identity.role import Assignment, limits_of
from domain.shared.access import Principal
from domain.shared.chain import format_time
from domain.shared.quotas import Quotas
from entrypoints.cli.failures import WrongUsage
from entrypoints.cli.session import OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

_LISTED_MAX = 500
_UNLIMITED = "none"

members = typer.Typer(name="member", help="Members of an organisation: list.", no_args_is_help=True)
invitations = typer.Typer(name="invitation", help="Invitations: create.", no_args_is_help=True)

QuotaOption = Annotated[str | None, typer.Option(help=f"A whole number, or `{_UNLIMITED}`.")]


@members.command("list")
def list_members(organisation: OrganisationOption = None) -> None:
    """List the members of an organisation, and what they may do."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        page = PageRequest("id", _LISTED_MAX)
        while True:
            found = await container.member_keeping().list(principal, page)
            for known in found.items:
                roles = ", ".join(_told(assignment) for assignment in known.member.assignments)
                joined = format_time(known.member.joined_at)
                typer.echo(f"{known.member.person}  {joined}  {known.email or 'erased'}  {roles}")
            if found.next_after is None:
                return
            page = replace(page, after=found.next_after)

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


def set_quotas(
    organisation: Annotated[int, typer.Argument(help="The organisation, by its number.")],
    ledgers: QuotaOption = None,
    keys: QuotaOption = None,
    requests_per_minute: QuotaOption = None,
    storage: Annotated[str | None, typer.Option(help=f"Of its logs, in bytes; or `{_UNLIMITED}`.")] = None,
) -> None:
    """Set how much an organisation may have, which holds within ten seconds; without options, show it."""
    given = {
        "ledgers": _quota("--ledgers", ledgers),
        "api_keys": _quota("--keys", keys),
        "requests_per_minute": _quota("--requests-per-minute", requests_per_minute),
        "storage_bytes": _quota("--storage", storage),
    }
    asked = (ledgers, keys, requests_per_minute, storage)
    changes = {name: quota for (name, quota), text in zip(given.items(), asked, strict=True) if text is not None}

    async def run(container: "Container") -> None:
        operator = await acting(container, organisation)
        keeping = container.organisation_keeping()
        status = await keeping.show(operator, organisation)
        if changes:
            quotas: Quotas = replace(status.profile.quotas, **changes)
            status = await keeping.set_quotas(operator, quotas, request_id=container.ids().new("req"))
        quotas, usage = status.profile.quotas, status.usage
        for name, quota, used in (
            ("ledgers", quotas.ledgers, usage.ledgers),
            ("API keys", quotas.api_keys, usage.api_keys),
            ("requests per minute", quotas.requests_per_minute, None),
            ("storage in bytes", quotas.storage_bytes, usage.storage_bytes),
        ):
            told = f"{name}: {'no limit' if quota is None else quota}"
            typer.echo(told if used is None else f"{told}, used {used}")

    with_database(run)


def _quota(option: str, text: str | None) -> int | None:
    if text is None or text == _UNLIMITED:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise WrongUsage(f"{option} is a whole number, or `{_UNLIMITED}`, not {text!r}.")
    return int(text)

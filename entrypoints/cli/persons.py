"""`partita person …`: what to do about a person, when something has happened."""

from typing import TYPE_CHECKING, Annotated

import typer

from domain.shared.chain import Author, Origin, format_time
from entrypoints.cli.session import ACTOR, with_database

if TYPE_CHECKING:
    from application.identity.person_keeping import PersonView
    from entrypoints.container import Container

app = typer.Typer(name="person", help="Persons: show, log-out, erase.", no_args_is_help=True)

PersonArgument = Annotated[str, typer.Argument(help="Whom: an e-mail address, or an id, usr_….")]


@app.command("show")
def show(person: PersonArgument) -> None:
    """Show a person: its organisations, its sessions, and the last 20 things that happened to its log-in."""

    async def run(container: "Container") -> None:
        view = await container.person_keeping().show(person)
        for line in _lines(view):
            typer.echo(line)

    with_database(run)


def _lines(view: "PersonView") -> list[str]:
    person = view.person
    lines = [f"{person.id}  {person.email or 'no address'}  registered {format_time(person.created_at)}"]
    if person.erased_at is not None:
        return [f"{person.id}  erased {format_time(person.erased_at)}"]
    verified = person.email_verified_at
    lines.append("address not verified" if verified is None else f"address verified {format_time(verified)}")
    lines.append("has no password" if person.password_hash is None else "has a password")
    for each in view.memberships:
        roles = ", ".join(assignment.role for assignment in each.assignments)
        lines.append(f"member of {each.organisation_id} ({view.names.get(each.organisation_id, '')}): {roles}")
    for session in view.sessions:
        used = f"began {format_time(session.created_at)}  used {format_time(session.last_used_at)}"
        lines.append(f"{session.id}  {used}  {_place(session.origin)}")
    lines += [f"{format_time(event.at)}  {event.type}  {_place(event.origin)}" for event in view.events]
    return lines


def _place(origin: Origin) -> str:
    # What a program calls itself comes from anywhere, and this goes to a terminal.
    agent = "".join(sign if sign.isprintable() else "?" for sign in origin.user_agent or "")
    return f"{origin.address or 'from nowhere known'}  {agent}".rstrip()


@app.command("log-out")
def log_out(person: PersonArgument) -> None:
    """End all sessions of a person, and its OAuth grants, everywhere within five seconds. API keys go on."""

    async def run(container: "Container") -> None:
        author = Author(ACTOR, container.ids().new("req"), Origin(ACTOR))
        sessions, grants = await container.person_keeping().log_out(person, author=author)
        typer.echo(f"Sessions that ended: {sessions}. OAuth grants that ended: {grants}.")

    with_database(run)


@app.command("erase")
def erase(person: PersonArgument) -> None:
    """Remove all that tells who a person was, for good; its id stays in the logs of what it did.

    It leaves its organisations first; where it is the only owner of one, nothing is done.
    """

    async def run(container: "Container") -> None:
        author = Author(ACTOR, container.ids().new("req"), Origin(ACTOR))
        erased = await container.person_keeping().erase(person, author=author)
        typer.echo(f"Erased {erased}.")

    with_database(run)

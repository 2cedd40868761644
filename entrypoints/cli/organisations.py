"""`partita organisation …`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from application.identity.create_organisation import create_organisation
from application.identity.erase_origins import erase_origins
from domain.identity.person import normalised_email
from domain.identity.role import OWNER, Assignment
from domain.shared.chain import Author, Origin, format_time
from domain.shared.quotas import Quotas
from entrypoints.cli.failures import WrongUsage
from entrypoints.cli.members import invited
from entrypoints.cli.session import ACTOR, OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

_LISTED_MAX = 1_000
_UNLIMITED = "none"

app = typer.Typer(
    name="organisation", help="Organisations: create, list, set quotas, erase origins.", no_args_is_help=True
)

QuotaOption = Annotated[str | None, typer.Option(help=f"A whole number, or `{_UNLIMITED}`.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    owner: Annotated[
        str | None, typer.Option(help="Whom to invite as its owner, by e-mail address; the token is printed.")
    ] = None,
) -> None:
    """Create an organisation; its number is printed alone on stdout, and below it the token for its owner, if any."""

    async def run(container: "Container") -> None:
        ids = container.ids()
        author = Author(ACTOR, ids.new("req"), Origin(ACTOR))
        if owner is not None:
            normalised_email(owner)  # before there is an organisation without one
        principal = await create_organisation(container.organisations(), container.clock(), ids, name, author=author)
        typer.echo("Created the organisation with the number:", err=True)
        typer.echo(str(principal.organisation_id))
        if owner is not None:
            await invited(container, principal, owner, [Assignment(OWNER.name)])

    with_database(run)


@app.command("erase-origins")
def erase(
    actor: Annotated[str, typer.Argument(help="Whose: usr_… or key_….")], organisation: OrganisationOption = None
) -> None:
    """Forget from which addresses, and by which credentials, someone acted; what they did stays in the log."""

    async def run(container: "Container") -> None:
        principal = await acting(container, organisation)
        ids, clock, work = container.ids(), container.clock(), container.origin_work()
        erased = await erase_origins(work, clock, ids, principal, actor, request_id=ids.new("req"))
        typer.echo(f"Erased where {actor} acted from." if erased else f"Nothing is known of where {actor} acted from.")

    with_database(run)


@app.command("list")
def list_organisations() -> None:
    """List organisations, where the user of DATABASE_URL may see them."""

    async def show(container: "Container") -> None:
        directory = container.maintenance().directory
        for each in await directory.organisations(_LISTED_MAX):
            typer.echo(f"{each.id}  {format_time(each.created_at)}  {each.name}")
        if not await directory.shows_all():
            typer.echo(
                "The user of DATABASE_URL sees none in a list, because row-level security binds it; it can still work "
                "for each one that is named, with --organisation.",
                err=True,
            )

    with_database(show)


@app.command("quota")
def set_quotas(
    organisation: Annotated[int, typer.Argument(help="The organisation, by its number.")],
    ledgers: QuotaOption = None,
    keys: QuotaOption = None,
    requests_per_minute: QuotaOption = None,
    storage: Annotated[str | None, typer.Option(help=f"Of its logs and files, in bytes; or `{_UNLIMITED}`.")] = None,
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

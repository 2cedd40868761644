"""`partita key …` and `partita organisation …`."""

from typing import TYPE_CHECKING, Annotated

import typer

from application.identity.create_organisation import create_organisation
from application.identity.erase_origins import erase_origins
from domain.shared.chain import Author, Origin, format_time
from entrypoints.cli.session import ACTOR, OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

_LISTED_MAX = 1_000

keys = typer.Typer(name="key", help="API keys: create, list, revoke.", no_args_is_help=True)
organisations = typer.Typer(name="organisation", help="Organisations: create, list.", no_args_is_help=True)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What it is for.")], organisation: OrganisationOption = None
) -> None:
    """Create an API key; it is printed this once, alone on stdout."""

    async def create(container: "Container") -> None:
        principal = await acting(container, organisation)
        request_id = container.ids().new("req")
        key, text = await container.api_keys().create(principal, name, request_id=request_id)
        typer.echo(f"Created {key.id} for the organisation {principal.organisation_id}. Keep the key:", err=True)
        typer.echo(text)

    with_database(create)


@keys.command("list")
def list_keys(organisation: OrganisationOption = None) -> None:
    """List the API keys of an organisation, the revoked ones too."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        for key in await container.api_keys().list(principal):
            state = f"revoked {format_time(key.revoked_at)}" if key.revoked_at else "works"
            typer.echo(f"{key.id}  {key.hint:<16}  {format_time(key.created_at)}  {state}  {key.name}")

    with_database(show)


@keys.command("revoke")
def revoke_key(
    id: Annotated[str, typer.Argument(help="The key's id: key_…")], organisation: OrganisationOption = None
) -> None:
    """Revoke an API key, for good."""

    async def revoke(container: "Container") -> None:
        principal = await acting(container, organisation)
        await container.api_keys().revoke(principal, id, request_id=container.ids().new("req"))
        typer.echo(f"Revoked {id}. Servers that have just seen it may take it for five seconds more.")

    with_database(revoke)


@organisations.command("create")
def create(name: Annotated[str, typer.Argument(help="What it is called.")]) -> None:
    """Create an organisation; its number is printed alone on stdout."""

    async def run(container: "Container") -> None:
        ids = container.ids()
        author = Author(ACTOR, ids.new("req"), Origin(ACTOR))
        principal = await create_organisation(container.organisations(), container.clock(), ids, name, author=author)
        typer.echo("Created the organisation with the number:", err=True)
        typer.echo(str(principal.organisation_id))

    with_database(run)


@organisations.command("erase-origins")
def erase(
    actor: Annotated[str, typer.Argument(help="Whose: usr_… or key_….")], organisation: OrganisationOption = None
) -> None:
    """Forget from which addresses, and by which credentials, someone acted; what they did stays in the log."""

    async def run(container: "Container") -> None:
        principal = await acting(container, organisation)
        ids = container.ids()
        work, clock = container.identity_work(), container.clock()
        erased = await erase_origins(work, clock, ids, principal, actor, request_id=ids.new("req"))
        typer.echo(f"Erased where {actor} acted from." if erased else f"Nothing is known of where {actor} acted from.")

    with_database(run)


@organisations.command("list")
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

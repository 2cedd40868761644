"""`partita key …` and `partita organisation …`."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from application.identity.create_organisation import create_organisation
from application.identity.erase_origins import erase_origins
from application.shared.pagination import PageRequest
from domain.identity.api_key import ApiKey, KeyRights
from domain.identity.person import normalised_email
from domain.identity.role import OPERATOR, OWNER, Assignment, limits_of
from domain.shared.chain import Author, Origin, format_time
from entrypoints.cli.session import ACTOR, OrganisationOption, acting, with_database
from entrypoints.cli.team import invited

if TYPE_CHECKING:
    from entrypoints.container import Container

_LISTED_MAX = 1_000

keys = typer.Typer(name="key", help="API keys: create, list, rotate, revoke.", no_args_is_help=True)
organisations = typer.Typer(
    name="organisation", help="Organisations: create, list, set quotas, erase origins.", no_args_is_help=True
)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="A permission, or a built-in role: `operator`, if left out. May be repeated."),
    ] = None,
    ledgers: Annotated[
        list[str] | None, typer.Option("--ledger-pattern", help="Only these ledgers, such as eu-*. May be repeated.")
    ] = None,
    accounts: Annotated[
        list[str] | None, typer.Option("--account", help="Only these accounts, such as users:*:**. May be repeated.")
    ] = None,
    networks: Annotated[
        list[str] | None, typer.Option("--network", help="Only from this network, in CIDR. May be repeated.")
    ] = None,
    expires_in_days: Annotated[int | None, typer.Option(min=1, help="When it stops; never, if left out.")] = None,
    organisation: OrganisationOption = None,
) -> None:
    """Create an API key; it is printed this once, alone on stdout."""

    async def create(container: "Container") -> None:
        principal = await acting(container, organisation)
        expires_at = None
        if expires_in_days is not None:
            expires_at = container.clock().now() + timedelta(days=expires_in_days)
        rights = KeyRights(
            tuple(scopes or [OPERATOR.name]),
            *limits_of({"ledgers": ledgers or None, "accounts": accounts or None}),
            expires_at,
            tuple(networks) if networks else None,
        )
        request_id = container.ids().new("req")
        key, text = await container.api_keys().create(principal, name, rights, request_id=request_id)
        typer.echo(f"Created {key.id} for the organisation {principal.organisation_id}. Keep the key:", err=True)
        typer.echo(text)

    with_database(create)


@keys.command("list")
def list_keys(organisation: OrganisationOption = None) -> None:
    """List the API keys of an organisation, those that work no more too."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        now = container.clock().now()
        page = PageRequest("id", _LISTED_MAX)
        while True:
            found = await container.api_keys().list(principal, page)
            for key in found.items:
                typer.echo("  ".join(_described(key, now)))
            if found.next_after is None:
                return
            page = replace(page, after=found.next_after)

    with_database(show)


def _described(key: ApiKey, now: datetime) -> list[str]:
    state = "works"
    if key.revoked_at is not None:
        state = f"revoked {format_time(key.revoked_at)}"
    elif key.expires_at is not None:
        state = f"{'expired' if key.has_expired(now) else 'works until'} {format_time(key.expires_at)}"
    used = "never used" if key.last_used_at is None else f"used {format_time(key.last_used_at)}"
    limits = {
        "scopes": key.scopes,
        "ledgers": None if key.ledgers is None else [pattern.text for pattern in key.ledgers],
        "accounts": None if key.accounts is None else [pattern.text for pattern in key.accounts],
        "networks": key.networks,
    }
    told = [f"{what}={','.join(limit)}" for what, limit in limits.items() if limit is not None]
    return [key.id, f"{key.hint:<16}", format_time(key.created_at), state, used, *told, key.name]


@keys.command("rotate")
def rotate_key(
    id: Annotated[str, typer.Argument(help="The key's id: key_…")],
    overlap_seconds: Annotated[
        int, typer.Option(min=0, help="For how long the old key works on, in seconds.")
    ] = 86_400,
    organisation: OrganisationOption = None,
) -> None:
    """Replace an API key by a new one with the same rights, which is printed this once, alone on stdout."""

    async def rotate(container: "Container") -> None:
        principal = await acting(container, organisation)
        overlap = timedelta(seconds=overlap_seconds)
        request_id = container.ids().new("req")
        key, text = await container.api_keys().rotate(principal, id, request_id=request_id, overlap=overlap)
        typer.echo(f"Created {key.id}; {id} works for {overlap_seconds:,} seconds more. Keep the key:", err=True)
        typer.echo(text)

    with_database(rotate)


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


@organisations.command("erase-origins")
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

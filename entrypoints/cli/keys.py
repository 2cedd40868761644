"""`partita key …`."""

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from domain.identity.api_key import ApiKey, KeyRights
from domain.identity.role import OPERATOR, limits_of
from domain.shared.chain import format_time
from entrypoints.cli.pages import all_of
from entrypoints.cli.session import OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

app = typer.Typer(name="key", help="API keys: create, list, rotate, revoke.", no_args_is_help=True)


@app.command("create")
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


@app.command("list")
def list_keys(organisation: OrganisationOption = None) -> None:
    """List the API keys of an organisation, those that work no more too."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        now = container.clock().now()
        async for key in all_of(partial(container.api_keys().list, principal)):
            typer.echo("  ".join(_described(key, now)))

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


@app.command("rotate")
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


@app.command("revoke")
def revoke_key(
    id: Annotated[str, typer.Argument(help="The key's id: key_…")], organisation: OrganisationOption = None
) -> None:
    """Revoke an API key, for good."""

    async def revoke(container: "Container") -> None:
        principal = await acting(container, organisation)
        await container.api_keys().revoke(principal, id, request_id=container.ids().new("req"))
        typer.echo(f"Revoked {id}. Servers that have just seen it may take it for five seconds more.")

    with_database(revoke)

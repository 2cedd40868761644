"""`partita token-key …`."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from domain.identity.token_key import TokenKey, signing_key
from domain.shared.chain import format_time
from entrypoints.cli.session import with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

app = typer.Typer(
    name="token-key", help="Keys that access tokens are signed with: list, rotate, revoke.", no_args_is_help=True
)


@app.command("list")
def list_keys() -> None:
    """List the keys of access tokens, oldest first."""

    async def show(container: "Container") -> None:
        keys = await container.token_keys().all()
        now = container.clock().now()
        signing = signing_key(keys, now)
        for key in keys:
            typer.echo(f"{key.id}  {format_time(key.created_at)}  {_state(key, signing, now)}")

    with_database(show)


@app.command("rotate")
def rotate() -> None:
    """Make a new key, which signs in ten minutes; the tokens of the one before it stay good until they expire."""

    async def make(container: "Container") -> None:
        made = await container.token_keys().rotate()
        typer.echo(f"Made a key that signs from {format_time(made.signs_from)} on:", err=True)
        typer.echo(made.id)

    with_database(make)


@app.command("revoke")
def revoke(id: Annotated[str, typer.Argument(help="The key's id, as `list` shows it.")]) -> None:
    """Take no token of a key any more, such as of one that leaked; whoever has one refreshes it."""

    async def end(container: "Container") -> None:
        await container.token_keys().revoke(id)
        await container.revocations().announce(id)
        typer.echo(f"Revoked {id}. A server that does not hear of it may take its tokens for five seconds more.")

    with_database(end)


def _state(key: TokenKey, signing: TokenKey | None, now: datetime) -> str:
    if key == signing:
        return "signs"
    if key.signs_from > now:
        return f"signs from {format_time(key.signs_from)}"
    if key.verifies_until is None or key.verifies(now):
        return f"verifies until {format_time(key.verifies_until)}" if key.verifies_until else "verifies"
    return "is over"

"""`partita config check`: what the settings are, where they come from, and what is wrong with them."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrypoints.cli.failures import CommandFailed
from entrypoints.cli.session import load_settings, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container
    from entrypoints.safety import Danger
    from entrypoints.settings import Settings

app = typer.Typer(help="The settings.", no_args_is_help=True)
# Variables of the command line, and of the tests, which are no settings of a server.
_OTHERS: Final = frozenset({"PARTITA_API_KEY", "PARTITA_DEBUG", "PARTITA_SOAK"})


@app.command()
def check(
    connect: Annotated[
        bool, typer.Option("--connect", help="Log in to the database, too: its schema, and what this user may do.")
    ] = False,
) -> None:
    """Print every setting and where it comes from, without secrets, and say what is wrong.

    The exit code is 1 where a server would refuse to start, or a variable that begins with PARTITA_ sets nothing.
    """
    from entrypoints.safety import dangers

    settings = load_settings()
    for variable, value, source in _shown(settings):
        typer.echo(f"{variable:36} {value:40} {source}".rstrip())
    unsafe, unknown = dangers(settings), list(_unknown())
    for danger in unsafe:
        typer.echo(f"not safe in production: {danger}", err=True)
    for sentence in unknown:
        typer.echo(sentence, err=True)
    if unknown or (unsafe and settings.is_production):
        raise CommandFailed("These settings are not good.")
    if connect:
        with_database(_look_at_the_database)
    typer.echo(f"These settings will do in {settings.environment}.")


def require_safe(settings: "Settings", *, is_demo: bool = False) -> None:
    """Return unless this is production and something is not safe there. Raises `CommandFailed` with all of it."""
    from entrypoints.safety import dangers

    found = dangers(settings, is_demo=is_demo) if settings.is_production else []
    if found:
        raise CommandFailed(f"PARTITA_ENVIRONMENT is production, and this is not safe there:\n{_listed(found)}")


async def _look_at_the_database(container: "Container") -> None:
    await container.maintenance().require_bound_log_ins()


def _listed(found: "list[Danger]") -> str:
    return "\n".join(f"- {danger}" for danger in found)


def _shown(settings: "Settings") -> Iterator[tuple[str, str, str]]:
    """Each setting: the variable, the value as a person may see it, and where that comes from."""
    for name, variable in settings.variables().items():
        value = getattr(settings, name)
        if variable.upper() in _environment():
            source = "environment"
        elif settings.is_secret(name) and f"{variable}_FILE" in os.environ:
            source = f"file {os.environ[f'{variable}_FILE']}"
        else:
            source = "default"
        if settings.is_secret(name):
            text = "(secret)" if value and value.get_secret_value() else "-"
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            text = "-" if value in (None, "", ()) else text.lower() if isinstance(value, bool) else text
        yield variable, text, source


def _unknown() -> Iterator[str]:
    from entrypoints.extending.environment import prefix_of
    from entrypoints.extending.loading import GROUP
    from entrypoints.secret_files import PREFIX
    from entrypoints.settings import Settings

    # What is wrong with theirs, extensions are asked about.
    of_extensions = tuple(prefix_of(entry.name) for entry in entry_points(group=GROUP))
    known = {*Settings.variables().values(), *_OTHERS}
    known |= {f"{variable}_FILE" for name, variable in Settings.variables().items() if Settings.is_secret(name)}
    given = [name for name in _environment() if name.startswith(PREFIX) and not name.startswith(of_extensions)]
    for variable in sorted(name for name in given if name not in known):
        near = get_close_matches(variable, known, n=1, cutoff=0.8)
        yield f"{variable} sets nothing{f': is {near[0]} meant?' if near else '.'}"


def _environment() -> set[str]:
    # Settings are found whatever the case of their variables.
    return {name.upper() for name in os.environ}

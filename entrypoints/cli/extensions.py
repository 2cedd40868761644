"""`partita extensions`, and `partita x`: commands of extensions."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperGroup

from domain.shared.stable import stable
from entrypoints.cli.failures import CommandFailed
from entrypoints.cli.session import acting, with_database

if TYPE_CHECKING:
    from domain.shared.access import Principal
    from entrypoints.container import Container
    from entrypoints.extending import Extension, ExtensionServices

Result = TypeVar("Result")


def extensions() -> None:
    """List the extensions that are installed, what they add, and what is wrong with any.

    The exit code is 1 where one does not take part as it should, or one is missing that PARTITA_REQUIRED_EXTENSIONS
    names.
    """
    from entrypoints.cli.session import load_settings

    with _said_below():
        found = _loaded()
        # What a server would find out when it begins. By name: HTTP and the command line depend on each other nowhere.
        import_module("entrypoints.http.extending").extension_routes(found)
        import_module("entrypoints.http.graphql.extending").schema_with(found)
    for name, loaded in sorted(found.loaded.items()):
        typer.echo(f"{name} ({loaded.source}): {', '.join(_added(loaded.extension)) or 'adds nothing'}")
    missing = [name for name in load_settings().required_extensions if name not in found.loaded]
    for name, reason in sorted(found.failed.items()):
        typer.echo(f"{name}: {reason}", err=True)
    for name in missing:
        typer.echo(f"{name}: it is required and not there, so nothing is posted", err=True)
    if found.failed or missing:
        raise CommandFailed("Something is wrong with extensions.")
    if not found.loaded:
        typer.echo("No extension is installed.")


@contextmanager
def _said_below() -> Iterator[None]:
    """Have nothing logged of extensions."""
    log = logging.getLogger("partita.extensions")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _added(extension: "Extension") -> list[str]:
    """Return what an extension adds, in words."""
    handlers, jobs = [each.name for each in extension.handlers], [each.name for each in extension.jobs]
    routes = [f"{'/'.join(route.methods)} {route.path}" for each in extension.routes for route in _routes(each)]
    fields = [each.__name__ for each in (*extension.queries, *extension.mutations)]
    named = {
        "command": [each.__name__ for each in extension.commands],
        "handler": handlers,
        "job": jobs,
        "route": routes,
        "GraphQL type": fields,
        "format": list(extension.export_formats),
        "format to import": [each.name for each in extension.import_formats],
    }
    found = [f"{what} {name}" for what, names in named.items() for name in names]
    found += ["a posting policy"] * len(extension.policies)
    flags = {"settings": extension.settings, "a reader": extension.reader, "commands here": extension.command_line}
    return found + [what for what, given in flags.items() if given is not None]


def _routes(router: Any) -> Any:
    return router.routes


def _loaded() -> Any:
    from entrypoints.container.file_formats import FORMATS
    from entrypoints.extending.loading import load_extensions

    return load_extensions(FORMATS)


class _OfExtensions(TyperGroup):
    """The commands of extensions, which are loaded only when one of them is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of those that have commands."""
        return sorted(name for name, each in _loaded().loaded.items() if each.extension.command_line is not None)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the commands of one, or None."""
        loaded = _loaded().loaded.get(cmd_name)
        if loaded is None or loaded.extension.command_line is None:
            return None
        return typer.main.get_command(loaded.extension.command_line)


app = typer.Typer(cls=_OfExtensions, help="Commands of extensions.", no_args_is_help=True)


@app.callback()
def _begin() -> None:
    """Commands of extensions."""


@stable(since="0.2.0")
def with_services(
    name: str,
    work: "Callable[[ExtensionServices, Principal], Awaitable[Result]]",
    *,
    organisation: int | None = None,
) -> Result:
    """Do the work of an extension's command with its services, as the operator of an organisation.

    Without one, it is the only one that there is. Raises `CommandFailed`, `WrongUsage`.
    """

    async def do(container: "Container") -> Result:
        services = container.extension_services()[name]
        return await work(services, await acting(container, organisation))

    return with_database(do)

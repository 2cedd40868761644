"""What every command begins with: the settings, the servers, and for whom it acts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from application.ledger.ports import Command, Outcome
from domain.shared.access import Principal
from domain.shared.chain import Origin
from entrypoints.cli.demo import Demo
from entrypoints.cli.failures import CommandFailed, WrongUsage

# What takes long to import is imported by what needs it, so that `--help` and mistakes in usage are answered at once.
if TYPE_CHECKING:
    from entrypoints.container import Container
    from entrypoints.settings import Settings

ACTOR: Final = "system:cli"
_LISTED_MAX: Final = 10

Result = TypeVar("Result")

LedgerOption = Annotated[str, typer.Option("--ledger", help="The ledger, by its slug.")]
OrganisationOption = Annotated[
    int | None, typer.Option("--organisation", help="The organisation, by its number, where there are several.")
]

ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for those who read the log.")]


def load_settings(**changes: Any) -> "Settings":
    """Return the settings of the environment, with those `changes` that are not None. Raises `WrongUsage`."""
    from pydantic import ValidationError

    from entrypoints.settings import Settings

    try:
        settings = Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"A secret cannot be read from its file: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        if name not in ("DATABASE_URL", "REDIS_URL"):
            name = f"PARTITA_{name}"
        raise WrongUsage(f"{name} is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}.") from error
    return settings.model_copy(update={name: value for name, value in changes.items() if value is not None})


def run_async(work: Awaitable[Result]) -> Result:
    """Run on an event loop of its own, until it is done or Ctrl-C is pressed."""
    import uvloop

    async def awaited() -> Result:
        return await work

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(awaited())


def with_database(work: "Callable[[Container], Awaitable[Result]]", *, migrated: bool = True) -> Result:
    """Do the work with the database of the settings; where it is ours and not running, run it as long as this takes."""
    from entrypoints.container import opened, servers

    settings = load_settings()
    if migrated and settings.database_url is None and not (settings.data_dir / "postgres").exists():
        raise CommandFailed(
            f"There is no database in {settings.data_dir}. Set DATABASE_URL or PARTITA_DATA_DIR, or begin with "
            "`partita serve --demo`."
        )

    async def do(database_url: Any) -> Result:
        async with opened(settings, database_url) as container:
            if migrated:
                await container.maintenance().require_migrated()
            return await work(container)

    with servers(settings) as urls:
        return run_async(do(urls))


def operator(organisation_id: int) -> Principal:
    """Return who acts for an organisation from the command line, which is all that is known of where from."""
    return Principal(organisation_id, ACTOR, credential=ACTOR, origin=Origin(ACTOR))


async def acting(container: "Container", organisation: int | None) -> Principal:
    """Return who acts: the command line, for the organisation that is named, or for the one that must be meant."""
    directory = container.maintenance().directory
    if organisation is not None:
        if await directory.organisation(organisation) is None:
            raise CommandFailed(f"There is no organisation {organisation}.")
        return operator(organisation)
    known = await directory.organisations(_LISTED_MAX)
    if len(known) == 1:
        return operator(known[0].id)
    demo = Demo.load(container.settings().data_dir)
    if demo is not None and await directory.organisation(int(demo.organisation)) is not None:
        return operator(int(demo.organisation))
    if not known:
        raise WrongUsage(
            "Say for which organisation, with --organisation; where there is none yet, `partita organisation create` "
            "makes one."
        )
    listed = ", ".join(f"{each.id} ({each.name})" for each in known)
    raise WrongUsage(f"There are several organisations, so say which with --organisation: {listed}.")


async def change(container: "Container", organisation: int | None, ledger: str, command: Command) -> Outcome:
    """Do the command in the ledger, as the operator of the organisation."""
    principal = await acting(container, organisation)
    return await container.journal().submit(principal, ledger, command, request_id=container.ids().new("req"))


def tell(outcome: Outcome, now: str) -> None:
    """Say what is the case now, and whether that is new."""
    typer.echo(now if outcome.applied else f"{now} Nothing changed.")

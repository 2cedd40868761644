"""`partita verify`, `partita rebuild` and `partita ledger …`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from application.interchange.import_log import import_log
from application.interchange.verify_file import FileVerification, verify_file
from application.ledger.archive_ledger import ArchiveLedger, RestoreLedger
from application.ledger.checkpoint import Checkpoint, CheckpointInvalid, read_checkpoint
from application.ledger.create_ledger import create_ledger
from application.ledger.freeze_ledger import FreezeLedger, UnfreezeLedger
from application.ledger.log import ledger_slugs
from application.ledger.ports import Command, LedgerAddress
from application.ledger.rebuild import Rebuilt
from application.ledger.verification import Verification, verify_ledger, verify_organisation
from domain.shared.chain import format_time
from entrypoints.cli.failures import CommandFailed
from entrypoints.cli.progress import progress_bar
from entrypoints.cli.session import (
    LedgerOption,
    OrganisationOption,
    ReasonOption,
    acting,
    change,
    tell,
    with_database,
)

if TYPE_CHECKING:
    from entrypoints.container import Container

app = typer.Typer(
    name="ledger", help="Ledgers: create, import, freeze, unfreeze, archive, restore.", no_args_is_help=True
)

CheckpointOption = Annotated[
    Path | None,
    typer.Option("--checkpoint", help="A checkpoint that the log must still hold.", exists=True, dir_okay=False),
]
SlugArgument = Annotated[str, typer.Argument(help="How it is named in paths.")]


@app.command("create")
def create(
    slug: SlugArgument,
    name: Annotated[str | None, typer.Option(help="What it is called.", show_default="the slug")] = None,
    time_zone: Annotated[
        str, typer.Option(help="In which its days begin, such as Europe/Berlin; it never changes.")
    ] = "UTC",
    organisation: OrganisationOption = None,
) -> None:
    """Create a ledger."""

    async def run(container: "Container") -> None:
        principal = await acting(container, organisation)
        clock, ids = container.clock(), container.ids()
        called = slug if name is None else name
        await create_ledger(
            container.ledger_work(),
            clock,
            ids,
            principal,
            slug=slug,
            name=called,
            metadata={},
            request_id=ids.new("req"),
            time_zone=time_zone,
        )
        typer.echo(f"Created the ledger {slug} in the organisation {principal.organisation_id}.")

    with_database(run)


@app.command("import-log")
def import_log_file(
    file: Annotated[Path, typer.Argument(help="A log, as `partita export` wrote it.", exists=True, dir_okay=False)],
    slug: Annotated[str, typer.Option("--ledger", help="How the ledger is to be named in paths.")] = "main",
    checkpoint: CheckpointOption = None,
    organisation: OrganisationOption = None,
) -> None:
    """Make a ledger of an exported log: with the same events, sequences and hashes, in this organisation."""
    signed = None if checkpoint is None else _checkpoint(checkpoint)

    async def run(container: "Container") -> None:
        principal = await acting(container, organisation)
        work, clock, ids = container.ledger_work(), container.clock(), container.ids()
        with file.open("rb") as stream, progress_bar("Importing") as report:
            head = await import_log(
                *(work, clock, ids, principal, stream),
                slug=slug,
                request_id=ids.new("req"),
                checkpoint=signed,
                progress=report,
            )
        typer.echo(
            f"Made the ledger {slug} in the organisation {principal.organisation_id} of {head.sequence:,} events, the "
            f"last with the hash {head.hash.hex()}."
        )

    with_database(run)


@app.command("freeze")
def freeze(slug: SlugArgument, reason: ReasonOption, organisation: OrganisationOption = None) -> None:
    """Let a ledger take no more transactions and holds."""
    _change(organisation, slug, FreezeLedger(reason), f"The ledger {slug} is frozen.")


@app.command("unfreeze")
def unfreeze(slug: SlugArgument, reason: ReasonOption, organisation: OrganisationOption = None) -> None:
    """Let a ledger take transactions and holds again."""
    _change(organisation, slug, UnfreezeLedger(reason), f"The ledger {slug} is not frozen.")


@app.command("archive")
def archive(slug: SlugArgument, reason: ReasonOption, organisation: OrganisationOption = None) -> None:
    """Put away a ledger whose balances are zero: hidden from lists, it can be read and restored."""
    _change(organisation, slug, ArchiveLedger(None, reason), f"The ledger {slug} is archived.")


@app.command("restore")
def restore(slug: SlugArgument, reason: ReasonOption, organisation: OrganisationOption = None) -> None:
    """Bring an archived ledger back."""
    _change(organisation, slug, RestoreLedger(reason), f"The ledger {slug} is open.")


def _change(organisation: int | None, slug: str, command: Command, now: str) -> None:
    tell(with_database(lambda container: change(container, organisation, slug, command)), now)


def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported log; without it, the database is verified.", exists=True)
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            help="The ledger, by its slug.",
            show_default="that of the checkpoint, or all of them and the organisation's own log",
        ),
    ] = None,
    checkpoint: CheckpointOption = None,
    organisation: OrganisationOption = None,
) -> None:
    """Show that logs are what was written: those of a database, or an exported one, which needs nothing else."""
    signed = None if checkpoint is None else _checkpoint(checkpoint)
    if file is not None:
        found = _verify_file(file, signed)
        where = "" if found.first_bad_line is None else f" (line {found.first_bad_line})"
        said = _told("The log", found.verification, where)
        if not found.verification.valid:
            raise CommandFailed(said)
        typer.echo(said)
    else:
        if signed is not None:
            if ledger not in (None, signed.ledger):
                raise CommandFailed(f"The checkpoint is of the ledger {signed.ledger!r}, not of {ledger!r}.")
            ledger = signed.ledger
        with_database(lambda container: _verify_stored(container, organisation, ledger, signed))
    if signed is not None:
        typer.echo(
            f"It holds what the key {signed.key_id} signed for sequence {signed.sequence} at "
            f"{format_time(signed.signed_at)}."
        )


def rebuild(
    ledger: LedgerOption = "main",
    replace: Annotated[bool, typer.Option("--replace", help="Put right what differs.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Replay a ledger's log into fresh projections, and compare them with those that are kept."""

    async def run(container: "Container") -> Rebuilt:
        address = LedgerAddress((await acting(container, organisation)).organisation_id, ledger)
        with progress_bar("Replaying") as report:
            return await container.maintenance().rebuilding.rebuild(address, replace=replace, progress=report)

    rebuilt = with_database(run)
    events = f"{rebuilt.head.sequence:,} events"
    if not rebuilt.differences:
        typer.echo(f"The projections are what the {events} say.")
        return
    for each in rebuilt.differences:
        typer.echo(
            f"{each.table}: {each.missing:,} rows missing, {each.unexpected:,} unexpected, {each.changed:,} changed; "
            f"such as {'; '.join(each.examples)}"
        )
    rows = sum(each.rows for each in rebuilt.differences)
    if not rebuilt.replaced:
        raise CommandFailed(f"{rows:,} rows differ from what the {events} say; --replace puts them right.")
    typer.echo(f"{rows:,} rows were replaced with what the {events} say.")


async def _verify_stored(
    container: "Container", organisation: int | None, ledger: str | None, signed: Checkpoint | None
) -> None:
    """Verify the ledger, or all and the organisation's log, a line for each. Raises `CommandFailed`."""
    principal, work = await acting(container, organisation), container.ledger_work()
    broken = []

    def show(log: str, found: Verification) -> None:
        said = _told(log, found)
        if found.valid:
            typer.echo(said)
        else:
            broken.append(said)

    if ledger is None:
        with progress_bar("Verifying") as report:
            found = await verify_organisation(work, principal, progress=report)
        show("The organisation's log", found)
    for slug in await ledger_slugs(work, principal) if ledger is None else [ledger]:
        with progress_bar("Verifying") as report:
            found = await verify_ledger(work, principal, slug, checkpoint=signed, progress=report)
        show("The log" if ledger is not None else f"The log of the ledger {slug}", found)
    if broken:
        raise CommandFailed("\n".join(broken))


def _told(log: str, found: Verification, where: str = "") -> str:
    if found.first_bad_sequence is not None:
        return f"{log} is broken at sequence {found.first_bad_sequence}{where}: {found.reason}."
    return f"{log} is valid: {found.checked:,} events, the last of them with the hash {found.head.hash.hex()}."


def _checkpoint(file: Path) -> Checkpoint:
    from entrypoints.container import check_signature

    try:
        return read_checkpoint(json.loads(file.read_bytes()), check_signature)
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{file} is not JSON: {error}.") from error
    except CheckpointInvalid as error:
        raise CommandFailed(f"{file}: {error}") from error


def _verify_file(file: Path, signed: Checkpoint | None) -> FileVerification:
    stream: BinaryIO
    with file.open("rb") as stream, progress_bar("Verifying", of_bytes=True) as report:
        size = file.stat().st_size
        return verify_file(stream, checkpoint=signed, progress=lambda done: report(done, size))

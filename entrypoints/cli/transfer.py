"""`partita export` and `partita import`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from application.interchange.export_ledger import export_ledger, last_sequence
from application.interchange.formats import ExportFormat, file_type_of
from application.interchange.import_transactions import Destination, ImportSummary, import_transactions
from application.interchange.journal_destination import JournalDestination
from application.ledger.log import always
from domain.shared.errors import ValidationFailed
from entrypoints.cli.failures import CommandFailed, WrongUsage
from entrypoints.cli.progress import progress_bar
from entrypoints.cli.session import LedgerOption, OrganisationOption, acting, run_async, with_database
from entrypoints.schemas.json_text import parse_line

if TYPE_CHECKING:
    from entrypoints.container import Container


def export(
    ledger: LedgerOption = "main",
    written_as: Annotated[
        str, typer.Option("--format", help="What to write: ndjson, hledger, beancount, csv, or one of an extension.")
    ] = ExportFormat.NDJSON.value,
    sequence: Annotated[
        int | None, typer.Option(help="As the ledger was after this event.", min=1, show_default="the last one")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write.", show_default="stdout", dir_okay=False)
    ] = None,
    organisation: OrganisationOption = None,
) -> None:
    """Write a ledger: its log, which `partita verify FILE` checks offline, or books for other programs.

    hledger and ledger read `hledger`, beancount reads `beancount`, and spreadsheets `csv`.
    """

    async def write(container: "Container", stream: BinaryIO) -> int:
        try:
            file_type = file_type_of(written_as, container.extensions().export_formats)
        except ValidationFailed as refusal:
            raise WrongUsage(refusal.detail) from refusal
        work = container.ledger_work()
        principal = await acting(container, organisation)
        until = await last_sequence(work, principal, ledger, sequence)
        written = file_type.begin()
        with progress_bar("Exporting") as report:
            async for part in export_ledger(work, always(principal), ledger, written, until=until, progress=report):
                stream.write(part)
        stream.flush()
        return until

    if output is None:
        # Not `sys.stdout.buffer`: with PYTHONUNBUFFERED that is no buffer, and may write a part of what it is given.
        with open(sys.stdout.fileno(), "wb", closefd=False) as stdout:
            with_database(lambda container: write(container, stdout))
        return
    draft = output.with_name(f"{output.name}.part")
    try:
        with draft.open("wb") as stream:
            events = with_database(lambda container: write(container, stream))
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
    typer.echo(f"Wrote {events:,} events to {output}.")


def import_file(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="Lines of JSON, or - for stdin.")],
    ledger: LedgerOption = "main",
    url: Annotated[
        str | None, typer.Option(help="A running server; without it, the database is written to directly.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="PARTITA_API_KEY", help="An API key of that server.", show_envvar=True)
    ] = None,
    reference_prefix: Annotated[
        str | None, typer.Option(help="For lines without a reference: they get PREFIX-<number of the line>.")
    ] = None,
    organisation: OrganisationOption = None,
) -> None:
    """Post a file of transactions, one on a line as POST …/transactions takes them. Again, it posts nothing twice."""

    async def post(destination: Destination) -> ImportSummary:
        with progress_bar("Importing", of_bytes=True) as report:
            return await import_transactions(
                file,
                destination,
                parse_line,
                reference_prefix=reference_prefix,
                progress=lambda done, _: report(done, size),
            )

    async def post_here(container: "Container") -> ImportSummary:
        from entrypoints.schemas.transactions import transaction_draft

        principal = await acting(container, organisation)
        ids = container.ids()
        journal = container.journal()
        request_id = ids.new("req")
        return await post(JournalDestination(journal, ids, principal, ledger, transaction_draft, request_id=request_id))

    async def post_there(root: str, key: str) -> ImportSummary:
        from entrypoints.container import remote_ledger

        async with remote_ledger(root, ledger, key) as destination:
            return await post(destination)

    size = _size(file)
    if url is None:
        summary = with_database(post_here)
    elif api_key is None:
        raise WrongUsage("A server wants to know who posts: give --api-key, or set PARTITA_API_KEY.")
    else:
        summary = run_async(post_there(url, api_key))
    _tell(summary)


def _size(file: BinaryIO) -> int:
    try:
        return Path(file.name).stat().st_size
    except (OSError, TypeError):
        return 0


def _tell(summary: ImportSummary) -> None:
    for line in sorted(summary.shown, key=lambda line: line.number):
        typer.echo(f"line {line.number}: {line.code}: {line.detail}", err=True)
    if summary.refused > len(summary.shown):
        typer.echo(f"and {summary.refused - len(summary.shown):,} more lines", err=True)
    typer.echo(f"{summary.posted:,} posted, {summary.already_there:,} already there, {summary.refused:,} refused.")
    if summary.stopped is not None:
        raise CommandFailed(f"{summary.stopped} The import ended there; run again, it posts nothing twice.")
    if summary.refused:
        raise CommandFailed(f"{summary.refused:,} lines were refused.")

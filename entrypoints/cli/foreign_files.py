"""`partita ledger import`: files of other programs."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from application.interchange.found import FailedCheck, Remark, Unreadable
from application.interchange.importing import Imported, Prepared
from application.interchange.listed import Listed
from application.interchange.rehearsal import Expected, WouldRefuse
from entrypoints.cli.failures import CommandFailed, WrongUsage
from entrypoints.cli.progress import progress_bar
from entrypoints.cli.session import LedgerOption, OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

_MEMORY_BYTES_MAX: Final = 1024 * 1024
_SHOWN_MAX: Final = 20

Place = Unreadable | FailedCheck | Remark | WouldRefuse


def import_foreign_file(
    file: Annotated[
        Path, typer.Argument(help="The file, or - for stdin.", exists=True, dir_okay=False, allow_dash=True)
    ],
    read_as: Annotated[str, typer.Option("--format", help="What it is: hledger, ledger, beancount, ….")],
    ledger: LedgerOption = "main",
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would be done.")] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Post what is understood, where parts are not or checks fail.")
    ] = False,
    options: Annotated[
        Path | None,
        typer.Option("--options", help="A file of JSON: what is to be known of FILE.", exists=True, dir_okay=False),
    ] = None,
    organisation: OrganisationOption = None,
) -> None:
    """Post what is in a file of another program: again, it posts nothing twice.

    It is read as a whole first. Nothing is posted where a part of it is not understood, or is not as it says itself.
    """
    given = {} if options is None else _options(options)

    async def run(container: "Container") -> None:
        importing = container.importing()
        principal = await acting(container, organisation)
        foreign = importing.formats.named(read_as)
        with _opened(file) as source, tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as lines:
            with progress_bar("Reading", of_bytes=True) as report:
                prepared = await importing.prepare(principal, ledger, foreign, given, source, lines, report)
            if preview:
                with progress_bar("Trying") as report:
                    expected = await importing.preview(principal, ledger, prepared, report)
                _show_preview(prepared, expected)
                return
            _show_findings(prepared)
            if not partial:
                prepared.read.require_clear()
            with progress_bar("Importing") as report:
                imported = await importing.post(
                    *(principal, ledger, prepared), request_id=container.ids().new("req"), progress=report
                )
        _tell(imported)

    with_database(run)


def _options(file: Path) -> dict[str, Any]:
    try:
        options = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"{file} is not JSON: {error}.") from error
    if not isinstance(options, dict):
        raise WrongUsage(f"{file} is no JSON object.")
    return options


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    """Give the file; of stdin, which can be read once only, a copy."""
    if str(file) != "-":
        with file.open("rb") as stream:
            yield stream
        return
    with tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.seek(0)
        yield copy


def _show_preview(prepared: Prepared, expected: Expected) -> None:
    from rich.console import Console
    from rich.table import Table

    read = prepared.read
    table = Table("", "how many", "", box=None, pad_edge=False)
    rows: Sequence[tuple[str, int, Sequence[str]]] = (
        ("transactions found", read.transactions, ()),
        ("would be posted", expected.posted, ()),
        ("are there already", expected.already_there.total, ()),
        (
            "accounts to open",
            expected.opened.total,
            [f"{each.account} ({each.account_type.value})" for each in expected.opened.first],
        ),
        (
            "assets to register",
            expected.registered.total,
            [f"{each.code} ({each.scale} digits)" for each in expected.registered.first],
        ),
        ("would be refused", expected.refused.total, ()),
        ("not understood", read.unreadable.total, ()),
        ("checks that fail", read.failed_checks.total, ()),
        ("remarks", read.remarks.total, ()),
    )
    for name, count, examples in rows:
        table.add_row(name, f"{count:,}", _listed(examples, count))
    # The names of a file are text, and no markup.
    Console(markup=False, highlight=False, soft_wrap=True).print(table)
    _show_findings(prepared)
    _show("would be refused", expected.refused)
    there = expected.already_there
    for each in there.first[:_SHOWN_MAX]:
        typer.echo(f"{each.place}: is there already: {each.transaction}", err=True)
    _show_more("is there already", there.total, len(there.first[:_SHOWN_MAX]))


def _listed(examples: Sequence[str], count: int) -> str:
    shown = examples[:_SHOWN_MAX]
    return ", ".join([*shown, "…"] if count > len(shown) and shown else shown)


def _show_findings(prepared: Prepared) -> None:
    read = prepared.read
    _show("remark", read.remarks)
    _show("not understood", read.unreadable)
    _show("check fails", read.failed_checks)


def _show(what: str, listed: Listed[Unreadable] | Listed[FailedCheck] | Listed[Remark] | Listed[WouldRefuse]) -> None:
    shown: Sequence[Place] = listed.first[:_SHOWN_MAX]
    for each in shown:
        typer.echo(f"{each.place}: {what}: {each.detail}", err=True)
    _show_more(what, listed.total, len(shown))


def _show_more(what: str, total: int, shown: int) -> None:
    if total > shown:
        typer.echo(f"and {total - shown:,} more: {what}", err=True)


def _tell(imported: Imported) -> None:
    _show("refused", imported.refused)
    typer.echo(
        f"{imported.posted:,} posted, {imported.already_there:,} already there, {imported.refused.total:,} refused; "
        f"{imported.opened:,} accounts and assets new."
    )
    if imported.stopped is not None:
        raise CommandFailed(f"{imported.stopped} The import ended there; run again, it posts nothing twice.")
    if imported.refused.total:
        raise CommandFailed(f"{imported.refused.total:,} of the lines were refused.")

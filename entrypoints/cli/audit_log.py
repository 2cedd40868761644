"""`partita audit-log`."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from application.interchange.audit_lines import csv_header, entries_as_csv, entries_as_json, read_audit_log
from application.ledger.audit_reader import AuditFilter
from application.ledger.spans import Span
from domain.shared.access import Principal
from entrypoints.cli.failures import WrongUsage
from entrypoints.cli.session import OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container


def audit_log(
    actor: Annotated[list[str] | None, typer.Option(help="Who did it; may be given several times.")] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="What was done, such as account.changed; several times, too.")
    ] = None,
    ledger: Annotated[list[str] | None, typer.Option(help="In which ledger, by its slug; several times, too.")] = None,
    since: Annotated[str | None, typer.Option(help="From which time on, such as 2026-11-24T10:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to, and without, which time.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV rather than lines of JSON.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Write who did what, when, from where and with which credential, the newest first."""
    where = AuditFilter(
        actor=actor or (),
        type=types or (),
        ledger=ledger or (),
        at=Span(gte=_time("--since", since), lt=_time("--until", until)),
    )

    async def write(container: "Container", stream: BinaryIO) -> None:
        principal = await acting(container, organisation)

        async def asking() -> Principal:
            return principal

        if csv:
            stream.write(csv_header())
        async for entries in read_audit_log(container.ledger_work(), asking, where, until=container.clock().now()):
            stream.write(entries_as_csv(entries) if csv else entries_as_json(entries))

    with open(sys.stdout.fileno(), "wb", closefd=False) as stdout:
        with_database(lambda container: write(container, stdout))


def _time(option: str, text: str | None) -> datetime | None:
    from entrypoints.schemas.forms import parse_time

    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise WrongUsage(f"{option} {error}.") from None

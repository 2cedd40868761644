"""`partita period …`."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from application.ledger.close_period import ClosePeriod, ReopenPeriod, closing_draft
from application.ledger.period_reader import PeriodView
from application.ledger.ports import Outcome
from application.shared.pagination import PageRequest
from domain.ledger.events import PeriodClosed, TransactionPosted
from domain.shared.access import Permission
from domain.shared.chain import format_time
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

_LISTED_MAX: Final = 500

app = typer.Typer(name="period", help="Periods: close, reopen, list.", no_args_is_help=True)


@app.command("close")
def close(
    until: Annotated[
        datetime, typer.Argument(formats=["%Y-%m-%d"], help="The first day that stays open, such as 2026-04-01.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, for those who read the log.")] = "",
    result_to: Annotated[
        str | None, typer.Option(help="An equity account, to which income and expenses are moved.")
    ] = None,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Close the books up to a day; the period's id is printed alone on stdout."""

    async def run(container: "Container") -> Outcome:
        principal = await acting(container, organisation)
        async with container.ledger_work().read(principal, Permission.PERIODS_CLOSE, ledger=ledger) as reads:
            time_zone = (await reads.ledgers.ledger(ledger)).settings.time_zone
        draft = closing_draft(container.ids(), time_zone, until.date(), reason=reason, result_to=result_to)
        return await change(container, organisation, ledger, ClosePeriod(draft))

    outcome = with_database(run)
    for each in outcome.applied:
        if isinstance(each.event, TransactionPosted):
            typer.echo(f"Posted the closing transaction {each.event.id}.", err=True)
    closed = outcome.applied[-1].event
    assert isinstance(closed, PeriodClosed)
    typer.echo(f"The books are closed up to {closed.ends_on}, by the period:", err=True)
    typer.echo(closed.id)


@app.command("reopen")
def reopen(
    id: Annotated[str, typer.Argument(help="The period's id: prd_…")],
    reason: ReasonOption,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Open the last closed period again; its closing transactions stay."""
    command = ReopenPeriod(id, reason)
    tell(with_database(lambda container: change(container, organisation, ledger, command)), f"{id} is open again.")


@app.command("list")
def list_periods(ledger: LedgerOption = "main", organisation: OrganisationOption = None) -> None:
    """List the periods of a ledger, the last closed first."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        page = PageRequest("-closed_at", _LISTED_MAX)
        async with container.ledger_work().read(principal, Permission.PERIODS_READ, ledger=ledger) as reads:
            found = await reads.periods.periods(ledger, page)
        for view in found.items:
            typer.echo(_line(view))
        if found.next_after is not None:
            typer.echo(f"These are the last {_LISTED_MAX}; the server's interface lists all.", err=True)

    with_database(show)


def _line(view: PeriodView) -> str:
    period = view.period
    since = "the beginning" if period.starts_on is None else period.starts_on.isoformat()
    state = f"closed {format_time(view.closed_at)}"
    reason = view.reason
    if view.reopened_at is not None:
        state, reason = f"reopened {format_time(view.reopened_at)}", view.reopen_reason or ""
    # A reason may have lines; a period has one.
    return f"{period.id}  {since} to {period.ends_on}  {state}  {' '.join(reason.split())}".rstrip()

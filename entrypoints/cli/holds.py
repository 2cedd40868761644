"""`partita hold …`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from application.ledger.hold_reader import HoldFilter, HoldView
from application.ledger.resolve_holds import ReleaseHold
from application.shared.pagination import PageRequest
from domain.ledger.asset import format_amount
from domain.ledger.hold import HoldStatus, ReleaseDraft
from domain.ledger.parts import left_of_each
from domain.shared.access import Permission
from domain.shared.chain import format_time
from domain.shared.patterns import Pattern
from entrypoints.cli.session import LedgerOption, OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

app = typer.Typer(name="hold", help="Holds: list, release.", no_args_is_help=True)

_PAGE: Final = 500


@app.command("list")
def show(
    ledger: LedgerOption = "main",
    status: Annotated[HoldStatus | None, typer.Option(help="Only those of this status.", show_default="all")] = None,
    account: Annotated[str | None, typer.Option(help="Only those with an entry there: a path, or a pattern.")] = None,
    organisation: OrganisationOption = None,
) -> None:
    """List holds, a line for each: what is left of them, and when they expire."""
    where = HoldFilter(
        status=() if status is None else (status.value,), account=None if account is None else Pattern(account)
    )

    async def run(container: "Container") -> None:
        principal, work = await acting(container, organisation), container.ledger_work()
        after = None
        while True:
            async with work.read(principal, Permission.HOLDS_READ, ledger=ledger) as reads:
                page = await reads.holds.holds(ledger, where, PageRequest("sequence", _PAGE, after))
            for view in page.items:
                typer.echo(_line(view))
            after = page.next_after
            if after is None:
                return

    with_database(run)


@app.command("release")
def release(
    hold: Annotated[str, typer.Argument(metavar="ID", help="The hold's id: hold_…")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the log.")] = "",
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Let go of all that is left of a hold."""

    async def run(container: "Container") -> None:
        principal = await acting(container, organisation)
        command = ReleaseHold(ReleaseDraft(hold, reason))
        await container.journal().submit(principal, ledger, command, request_id=container.ids().new("req"))
        typer.echo(f"Released {hold}.")

    with_database(run)


def _line(view: HoldView) -> str:
    hold = view.hold
    left = left_of_each(hold.entries, hold.left)
    sides = ", ".join(
        f"{entry.direction.value} {entry.account} {format_amount(of_entry, entry.asset.scale)} {entry.asset.code}"
        for entry, of_entry in zip(hold.entries, left, strict=True)
    )
    expiry = "" if hold.expires_at is None else f"  expires {format_time(hold.expires_at)}"
    reference = "" if hold.reference is None else f"  {hold.reference}"
    return f"{hold.id}  {hold.status.value:<8}{expiry}{reference}  left: {sides}"

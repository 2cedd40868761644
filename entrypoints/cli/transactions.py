"""`partita transaction …`."""

from typing import TYPE_CHECKING, Annotated

import typer

from application.ledger.reverse_transactions import ReverseTransaction
from domain.ledger.posted import ReversalDraft
from entrypoints.cli.session import LedgerOption, OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

app = typer.Typer(name="transaction", help="Transactions: reverse.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


@app.command("reverse")
def reverse(
    transaction: Annotated[str, typer.Argument(metavar="ID", help="The transaction's id: txn_…")],
    reference: Annotated[str | None, typer.Option(help="Your own name for the reversal.")] = None,
    description: Annotated[str | None, typer.Option(help="Why.", show_default="`Reversal of` its id")] = None,
    original_time: Annotated[
        bool, typer.Option("--original-time", help="Take effect when the transaction did, instead of now.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Go past the accounts' limits.")] = False,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Undo all that is left of a transaction by another one, whose id is printed alone on stdout."""

    async def run(container: "Container") -> None:
        principal, ids = await acting(container, organisation), container.ids()
        draft = ReversalDraft(
            ids.new("txn"), transaction, (), original_time, reference=reference, description=description
        )
        command = ReverseTransaction(draft, force)
        await container.journal().submit(principal, ledger, command, request_id=ids.new("req"))
        typer.echo(draft.id)

    with_database(run)

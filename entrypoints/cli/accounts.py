"""`partita account …`."""

from typing import TYPE_CHECKING, Annotated

import typer

from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.change_account import ChangeAccount
from application.ledger.freeze_account import FreezeAccount, UnfreezeAccount
from application.ledger.ports import Command, Outcome
from domain.ledger.account import BOTH
from domain.ledger.limit import LimitDraft
from domain.ledger.transaction import Direction
from domain.shared.access import Permission
from entrypoints.cli.failures import WrongUsage
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
    name="account", help="Accounts: freeze, unfreeze, archive, restore, limit, statement.", no_args_is_help=True
)

PathArgument = Annotated[str, typer.Argument(help="Its path, such as users:42:wallet.")]
DirectionOption = Annotated[
    Direction | None, typer.Option("--direction", help="Only in this direction.", show_default="both")
]


@app.command("freeze")
def freeze(
    path: PathArgument,
    reason: ReasonOption,
    direction: DirectionOption = None,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Let an account take no more debits, credits or either."""
    command = FreezeAccount(path, reason, _directions(direction))
    _change(organisation, ledger, command, f"{path} is frozen for {_shown(direction)}.")


@app.command("unfreeze")
def unfreeze(
    path: PathArgument,
    reason: ReasonOption,
    direction: DirectionOption = None,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Let an account take entries again."""
    command = UnfreezeAccount(path, reason, _directions(direction))
    _change(organisation, ledger, command, f"{path} is not frozen for {_shown(direction)}.")


@app.command("archive")
def archive(
    path: PathArgument,
    reason: ReasonOption,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Put away an account on which nothing is posted or held: hidden from lists, it keeps its path and history."""
    _change(organisation, ledger, ArchiveAccount(path, None, reason), f"{path} is archived.")


@app.command("restore")
def restore(
    path: PathArgument,
    reason: ReasonOption,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Bring an archived account back."""
    _change(organisation, ledger, RestoreAccount(path, reason), f"{path} is open.")


@app.command("limit")
def limit(
    path: PathArgument,
    asset: Annotated[str, typer.Argument(help="The asset's code.")],
    minimum: Annotated[str | None, typer.Option(help="What it may not fall below.", show_default="no floor")] = None,
    maximum: Annotated[str | None, typer.Option(help="What it may not rise above.", show_default="no ceiling")] = None,
    by_chart: Annotated[
        bool, typer.Option("--by-chart", help="Set none of its own, so that the chart gives one, if it does.")
    ] = False,
    ledger: LedgerOption = "main",
    organisation: OrganisationOption = None,
) -> None:
    """Set an account's floor and ceiling in an asset; its limits in others stay."""
    if by_chart and (minimum, maximum) != (None, None):
        raise WrongUsage("With --by-chart the account has no limit of its own: leave --minimum and --maximum out.")

    async def run(container: "Container") -> Outcome:
        principal = await acting(container, organisation)
        async with container.ledger_work().read(
            principal, Permission.ACCOUNTS_READ, ledger=ledger, account=path
        ) as reads:
            account = (await reads.accounts.account(ledger, path)).account
        drafts = [
            LimitDraft(code, data["minimum"], data["maximum"])
            for code, each in account.limits.items()
            if code != asset
            for data in (each.data(),)
        ]
        if not by_chart:
            drafts.append(LimitDraft(asset, minimum, maximum))
        # Whoever changed the account's limits meanwhile is not overwritten.
        command = ChangeAccount(path, account.version, limits=tuple(drafts))
        return await change(container, organisation, ledger, command)

    bounds = f"{'no floor' if minimum is None else minimum} to {'no ceiling' if maximum is None else maximum}"
    own = "none of its own" if by_chart else bounds
    tell(with_database(run), f"The limit of {path} in {asset} is {own}.")


def _directions(direction: Direction | None) -> frozenset[Direction]:
    return BOTH if direction is None else frozenset((direction,))


def _shown(direction: Direction | None) -> str:
    return "debits and credits" if direction is None else f"{direction.value}s"


def _change(organisation: int | None, ledger: str, command: Command, now: str) -> None:
    tell(with_database(lambda container: change(container, organisation, ledger, command)), now)

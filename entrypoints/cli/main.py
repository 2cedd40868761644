"""The commands, put together."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from entrypoints.cli import (
    STARTING,
    accounts,
    audit_log,
    config,
    extensions,
    failures,
    foreign_files,
    health,
    holds,
    keys,
    ledgers,
    members,
    organisations,
    periods,
    persons,
    reports,
    serve,
    tidy,
    token_keys,
    transactions,
    transfer,
    webhooks,
    worker,
)

app = typer.Typer(
    name="partita",
    help="The open ledger server.",
    epilog="Without DATABASE_URL, commands use the PostgreSQL in the data folder (PARTITA_DATA_DIR, .partita).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve.serve)
app.command()(worker.worker)
app.command()(serve.migrate)
app.command()(health.health)
app.command()(extensions.extensions)
app.add_typer(config.app, name="config")
app.command("import")(transfer.import_file)
app.command()(transfer.export)
app.command()(tidy.tidy)
app.command("audit-log")(audit_log.audit_log)
app.command()(ledgers.verify)
app.command()(ledgers.rebuild)
ledgers.app.command("import")(foreign_files.import_foreign_file)
app.add_typer(ledgers.app, name="ledger")
accounts.app.command("statement")(reports.show_statement)
app.add_typer(accounts.app, name="account")
app.add_typer(periods.app, name="period")
app.add_typer(reports.app, name="report")
app.add_typer(holds.app, name="hold")
app.add_typer(transactions.app, name="transaction")
app.add_typer(keys.app, name="key")
app.add_typer(organisations.app, name="organisation")
app.add_typer(members.members, name="member")
app.add_typer(members.invitations, name="invitation")
app.add_typer(persons.app, name="person")
app.add_typer(token_keys.app, name="token-key")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(extensions.app, name="x")


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"partita {version('partita')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    STARTING.end()


def main() -> None:
    """Run the command that the arguments name, and end with its exit code."""
    sys.exit(failures.run(lambda: app(standalone_mode=False)))

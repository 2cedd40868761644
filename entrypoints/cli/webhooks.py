"""`partita webhook …`."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from application.shared.pagination import PageRequest
from domain.shared.chain import format_time
from domain.webhooks.delivery import Delivery, DeliveryState
from domain.webhooks.endpoint import Endpoint
from entrypoints.cli.pages import all_of
from entrypoints.cli.session import LedgerOption, OrganisationOption, acting, with_database

if TYPE_CHECKING:
    from entrypoints.container import Container

app = typer.Typer(name="webhook", help="Webhooks: list, deliveries, pause, resume, replay.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="The webhook's id: whk_…")]


@app.command("list")
def list_webhooks(organisation: OrganisationOption = None) -> None:
    """List the webhooks of an organisation, and whether they work."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        async for endpoint in all_of(partial(container.webhook_keeping().list, principal)):
            described = (endpoint.id, _state(endpoint), endpoint.wanted.url, endpoint.wanted.description)
            typer.echo("  ".join(described).rstrip())

    with_database(show)


@app.command("deliveries")
def list_deliveries(
    id: IdArgument,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those of which this has become.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest first.")] = 20,
    organisation: OrganisationOption = None,
) -> None:
    """List what was sent to a webhook, and what is to be, the newest first."""

    async def show(container: "Container") -> None:
        principal = await acting(container, organisation)
        states = () if state is None else (state,)
        page = await container.webhook_operation().deliveries(principal, id, PageRequest("-id", limit), states)
        for delivery in page.items:
            typer.echo(_described(delivery))

    with_database(show)


@app.command("pause")
def pause_webhook(id: IdArgument, organisation: OrganisationOption = None) -> None:
    """Have nothing sent to a webhook until it is resumed."""

    async def pause(container: "Container") -> None:
        principal = await acting(container, organisation)
        await container.webhook_operation().pause(principal, id, request_id=container.ids().new("req"))
        typer.echo(f"Paused {id}. Events wait in the log.")

    with_database(pause)


@app.command("resume")
def resume_webhook(id: IdArgument, organisation: OrganisationOption = None) -> None:
    """Have events sent to a webhook again, by a server, from where it was."""

    async def resume(container: "Container") -> None:
        principal = await acting(container, organisation)
        await container.webhook_operation().resume(principal, id, request_id=container.ids().new("req"))
        typer.echo(f"Resumed {id}.")

    with_database(resume)


@app.command("replay")
def replay_webhook(
    id: IdArgument,
    ledger: LedgerOption,
    after: Annotated[int, typer.Option(min=0, help="The sequence of the last event that is not to be sent.")],
    organisation: OrganisationOption = None,
) -> None:
    """Have the events of a ledger after a sequence sent to a webhook again, by a server."""

    async def replay(container: "Container") -> None:
        principal = await acting(container, organisation)
        request_id = container.ids().new("req")
        await container.webhook_operation().replay(principal, id, ledger, after, request_id=request_id)
        typer.echo(f"{id} gets the events of {ledger} after {after:,} again.")

    with_database(replay)


def _state(endpoint: Endpoint) -> str:
    if endpoint.pause is not None:
        return f"paused {format_time(endpoint.pause.since)} ({endpoint.pause.reason.value})"
    return "works" if endpoint.failing_since is None else f"failing since {format_time(endpoint.failing_since)}"


def _described(delivery: Delivery) -> str:
    due = "" if delivery.due_at is None else f"due {format_time(delivery.due_at)}"
    said = delivery.error or ("" if delivery.status is None else str(delivery.status))
    told = (f"{delivery.attempts} attempts", due, delivery.type, delivery.event, said)
    return "  ".join([f"{delivery.ledger} {delivery.sequence}", delivery.state.value, *filter(None, told)])

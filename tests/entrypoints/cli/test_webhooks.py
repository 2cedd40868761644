"""`partita webhook …`."""

import asyncio
from typing import TYPE_CHECKING

from domain.webhooks.endpoint import Wanted
from entrypoints.cli.session import acting, with_database
from tests.entrypoints.cli.conftest import Partita

if TYPE_CHECKING:
    from entrypoints.container import Container


def made() -> str:
    """A webhook whose name leads nowhere, which has tried to get an event."""

    async def make(container: "Container") -> str:
        principal = await acting(container, None)
        wanted = Wanted("https://hooks.invalid/", "The warehouse")
        endpoint, _ = await container.webhook_keeping().create(principal, wanted, request_id="req_1")
        return endpoint.id

    return with_database(make)


def dispatched() -> int:
    """Send what is due, once, as a server does."""

    async def dispatch(container: "Container") -> int:
        async with asyncio.timeout(20):
            return await container.webhook_dispatch().run_due()

    return with_database(dispatch)


def test_a_webhook_is_looked_at_paused_resumed_and_replayed(partita: Partita, database: str) -> None:
    id = made()
    assert partita("webhook", "list").out == f"{id}  works  https://hooks.invalid/  The warehouse\n"
    assert partita("ledger", "freeze", "main", "--reason", "Audit").code == 0
    assert dispatched() == 1
    (line,) = partita("webhook", "deliveries", id).out.splitlines()
    assert line.startswith("main 2  pending  1 attempts  due 20")
    assert line.endswith("It cannot be connected to: its name is not known.")
    assert "  failing since 20" in partita("webhook", "list").out
    assert partita("webhook", "deliveries", id, "--state", "delivered").out == ""
    assert partita("webhook", "pause", id).out == f"Paused {id}. Events wait in the log.\n"
    assert "  paused 20" in partita("webhook", "list").out
    assert partita("webhook", "resume", id).out == f"Resumed {id}.\n"
    replayed = partita("webhook", "replay", id, "--ledger", "main", "--after", "0")
    assert replayed.out == f"{id} gets the events of main after 0 again.\n"
    assert dispatched() == 2
    refused = partita("webhook", "pause", "whk_unknown")
    assert (refused.code, refused.err) == (1, "partita: There is no webhook 'whk_unknown'.\n")

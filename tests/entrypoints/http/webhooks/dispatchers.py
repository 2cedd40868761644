"""Dispatchers of one organisation's webhooks, with clocks, dice, leases and names of their own; also as a process."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.embedded import ServerUrls
from adapters.http_client.guarded_network import Resolve
from adapters.http_client.webhook_post import HttpPost
from adapters.postgres.webhooks.outbox import PostgresOutbox
from application.identity.letters import Letters
from application.ledger.ports import LedgerAddress
from application.shared.ports import Clock
from application.webhooks.dispatch import WebhookDispatch
from application.webhooks.pausing import WebhookPausing
from application.webhooks.sending import Sending
from entrypoints.container import Container, opened
from entrypoints.settings import Settings

HERE = (ip_network("127.0.0.0/8"),)


class OutboxOfOne(PostgresOutbox):
    """The outbox, as if there was one organisation: the webhooks of other tests are none of this one's business."""

    def __init__(self, engine: AsyncEngine, organisation_id: int, **others: Any) -> None:
        super().__init__(engine, **others)
        self._only = organisation_id

    async def organisations(self, due_by: datetime | None) -> Sequence[int]:
        return [each for each in await super().organisations(due_by) if each == self._only]


class HeardByHand:
    """Wake-ups that a test gives."""

    heard_since: float | None = 0.0

    def __init__(self) -> None:
        self.hear: Callable[[LedgerAddress, int], None] | None = None

    def listen(self, hear: Callable[[LedgerAddress, int], None]) -> None:
        self.hear = hear

    def announce(self, ledger: LedgerAddress, sequence: int) -> None:
        if self.hear is not None:
            self.hear(ledger, sequence)


@dataclass
class Dispatcher:
    """A dispatcher, and what it hears by."""

    dispatch: WebhookDispatch
    wake_ups: HeardByHand
    outbox: OutboxOfOne
    post: HttpPost
    container: Container

    async def run(self) -> int:
        """Send until nothing is due."""
        return await self.dispatch.run_due()


@asynccontextmanager
async def dispatcher(
    container: Container,
    organisation_id: int,
    *,
    clock: Clock | None = None,
    chance: float = 0.5,
    lease_seconds: float = 60.0,
    sending_seconds: float = 35.0,
    answer_seconds: float = 15.0,
    resolve: Resolve | None = None,
    pending_max: int = 10_000,
    letters: Letters | None = None,
) -> AsyncIterator[Dispatcher]:
    """Make one, which draws the same `chance` every time."""
    clock = clock or container.clock()
    engine = container.service_engine()
    post = HttpPost(clock, HERE, resolve=resolve, seconds_max=answer_seconds)
    lease = timedelta(seconds=lease_seconds)
    outbox = OutboxOfOne(engine, organisation_id, ids=container.ids(), lease=lease, pending_max=pending_max)
    operation = container.webhook_operation()
    letters = letters or container.letters()
    pausing = WebhookPausing(operation, container.member_keeping(), container.role_keeping(), letters)
    sending = Sending(
        outbox,
        post,
        container.webhook_secrets(),
        pausing,
        clock,
        sending_seconds=sending_seconds,
        chance=lambda: chance,
        telemetry=container.telemetry(),
    )
    wake_ups = HeardByHand()
    dispatch = WebhookDispatch(outbox, sending, clock, wake_ups, look_seconds=0.05)
    try:
        yield Dispatcher(dispatch, wake_ups, outbox, post, container)
    finally:
        await dispatch.stop()
        await post.close()


async def main(database_url: str, redis_url: str, data_dir: str, organisation_id: str) -> None:
    """Dispatch until killed; leases are short."""
    settings = Settings(data_dir=Path(data_dir))
    async with (
        opened(settings, ServerUrls(database_url, redis_url)) as container,
        dispatcher(container, int(organisation_id), lease_seconds=3, sending_seconds=1, answer_seconds=1) as made,
    ):
        made.dispatch.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""Any number of dispatchers send webhooks, hear of what is new, stop, and are killed."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from httpx2 import AsyncClient
from sqlalchemy import text

from adapters.embedded import ServerUrls
from adapters.postgres.ids import stored_id
from adapters.postgres.webhooks.outbox import PostgresOutbox
from adapters.postgres.work import tenant_transaction
from application.ledger.ports import LedgerAddress
from application.webhooks import dispatch
from entrypoints.container import Container, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import served
from tests.entrypoints.http.tenant import Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewDispatcher, NewWebhook
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.entrypoints.http.webhooks.receiver import Got, Receiver, answer
from tests.redis_server import until

ROOT = Path(__file__).parents[4]


async def posts(tenant: Tenant, count: int) -> None:
    document(await tenant.bulk([sale() for _ in range(count)]), 200)


def in_order(sequences: list[int]) -> list[int]:
    """The sequences, each where it came first."""
    return list(dict.fromkeys(sequences))


@pytest.mark.parametrize("ordered", [False, True])
async def test_several_dispatchers_send_each_event_once(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, ordered: bool
) -> None:
    await new_webhook(ordered=ordered)

    async def slowly(got: Got) -> bytes:
        await asyncio.sleep(0.001)
        return answer()

    there.answers = slowly
    dispatchers = [await new_dispatcher() for _ in range(3)]
    for each in dispatchers:
        each.dispatch.start()
    for _ in range(2):
        await posts(tenant, 50)
        for each in dispatchers:
            each.wake_ups.announce(LedgerAddress(tenant.organisation_id, "main"), 1)
    await there.until(103)
    await asyncio.sleep(0.2)
    assert (there.sequences if ordered else sorted(there.sequences)) == list(range(2, 105))


async def test_events_are_sent_as_soon_as_they_are_heard_of(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    await new_webhook(types=["transaction.posted"])
    await tenant.posted(sale())
    dispatching.dispatch.start()
    # It has looked, and knows the organisation now: it looks again in ten seconds, or when it hears of something.
    await there.until(1)
    await until(lambda: not dispatching.dispatch._at_work, seconds=30)
    await tenant.posted(sale())
    await asyncio.sleep(0.2)
    assert len(there.got) == 1
    began = asyncio.get_running_loop().time()
    dispatching.wake_ups.announce(LedgerAddress(tenant.organisation_id, "main"), 6)
    await there.until(2)
    assert asyncio.get_running_loop().time() - began < 5  # it looks by itself every ten seconds


async def test_a_server_sends_webhooks_by_itself_as_soon_as_something_happens(
    tenant: Tenant, there: Receiver, new_webhook: NewWebhook, postgres_url: str, redis_url: str, settings: Settings
) -> None:
    await new_webhook(types=["transaction.posted"])
    # It ends with this test: it sends whatever is due in this database, also what others are to send.
    async with (
        opened(settings.model_copy(update={"worker_inside": True}), ServerUrls(postgres_url, redis_url)) as container,
        served(create_app(container.services())) as url,
        AsyncClient(headers=tenant.authorization) as client,
    ):
        # The server learns of the webhook when it looks, and of what happens from then on by Redis.
        document(await client.post(f"{url}{tenant.path('/transactions')}", json=sale()), 201)
        await there.until(1)
        began = asyncio.get_running_loop().time()
        document(await client.post(f"{url}{tenant.path('/transactions')}", json=sale()), 201)
        await there.until(2)
    assert asyncio.get_running_loop().time() - began < 5  # it looks by itself every ten seconds


async def test_without_redis_a_server_sends_webhooks_a_little_later(
    tenant: Tenant, there: Receiver, new_webhook: NewWebhook, postgres_url: str, settings: Settings
) -> None:
    await new_webhook(types=["transaction.posted"])
    async with (
        opened(
            settings.model_copy(update={"worker_inside": True}), ServerUrls(postgres_url, "redis://127.0.0.1:1/0")
        ) as container,
        served(create_app(container.services())),
    ):
        await tenant.posted(sale())
        await there.until(1)


async def test_a_dispatcher_that_is_stopped_gives_back_what_it_has_not_sent(
    tenant: Tenant,
    there: Receiver,
    new_dispatcher: NewDispatcher,
    new_webhook: NewWebhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It comes to its end, however long the database of a busy machine takes; what it has not given back, is leased.
    monkeypatch.setattr(dispatch, "STOP_SECONDS", 60)
    await new_webhook(ordered=True)

    async def slowly(got: Got) -> bytes:
        await asyncio.sleep(0.02)
        return answer()

    there.answers = slowly
    await posts(tenant, 50)
    first, second = await new_dispatcher(), await new_dispatcher()
    first.dispatch.start()
    await there.until(5)
    await first.dispatch.stop()
    assert len(there.got) < 20
    there.answers = None
    await second.run()
    assert there.sequences == list(range(2, 55))


class Process:
    """A dispatcher in a process of its own, which can be killed."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.entrypoints.http.webhooks.dispatchers", *arguments], cwd=ROOT
        )

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made: list[Process] = []
    yield made
    for each in made:
        each.kill()


@pytest.mark.parametrize("ordered", [False, True])
async def test_what_a_killed_dispatcher_was_about_is_sent_by_another(
    tenant: Tenant,
    there: Receiver,
    new_webhook: NewWebhook,
    processes: list[Process],
    postgres_url: str,
    redis_url: str,
    settings: Settings,
    ordered: bool,
) -> None:
    await new_webhook(ordered=ordered)

    async def slowly(got: Got) -> bytes:
        await asyncio.sleep(0.02)
        return answer()

    there.answers = slowly
    await posts(tenant, 80)
    arguments = (postgres_url, redis_url, str(settings.data_dir), str(tenant.organisation_id))
    processes.append(Process(*arguments))
    await there.until(20)
    processes[0].kill()
    assert len(there.got) < 83
    processes.append(Process(*arguments))
    await until(lambda: len(set(there.sequences)) == 83, seconds=60)
    assert set(there.sequences) == set(range(2, 85))
    if ordered:
        assert in_order(there.sequences) == list(range(2, 85))
    # Twice came only what the killed one had sent and could not say so: of a quarter of a second, or a lease.
    assert sum(count - 1 for count in Counter(there.sequences).values()) <= 60


async def test_who_keeps_what_came_of_an_attempt_waits_for_a_replay_and_holds_nothing_meanwhile(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook, container: Container
) -> None:
    await new_webhook(types=["transaction.posted"])
    there.status = 500
    await posts(tenant, 1)
    async with tenant_transaction(container.service_engine(), tenant.organisation_id) as replaying:
        await replaying.execute(text("SELECT FROM webhook_endpoints FOR UPDATE"))
        running = asyncio.create_task(dispatching.run())
        await there.until(1)
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")
        for _ in range(500):
            if await replaying.scalar(waiting):
                break
            await asyncio.sleep(0.02)
        changed = await replaying.execute(text("UPDATE webhook_deliveries SET attempts = 7"))
        assert changed.rowcount == 1
    assert await running == 1
    async with tenant_transaction(container.service_engine(), tenant.organisation_id) as connection:
        assert await connection.scalar(text("SELECT attempts FROM webhook_deliveries")) == 8


async def test_what_is_due_longest_is_sent_first(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, container: Container
) -> None:
    hooks = [await new_webhook(types=["transaction.posted"], ordered=each == 1) for each in range(3)]
    await posts(tenant, 1)
    now = container.clock().now()
    outbox = PostgresOutbox(container.service_engine(), container.ids(), lease=timedelta(seconds=60))
    while await outbox.gather(tenant.organisation_id, None, now):
        pass
    longest_due = [hooks[1], hooks[2], hooks[0]]
    async with tenant_transaction(container.service_engine(), tenant.organisation_id) as connection:
        for minutes, hook in enumerate(longest_due):
            due_at = now - timedelta(minutes=10 - minutes)
            change = text("UPDATE webhook_deliveries SET due_at = :due_at WHERE endpoint_id = :id")
            await connection.execute(change, {"due_at": due_at, "id": stored_id("whk", hook["id"])})
    found = [
        parcel.endpoint.id
        for _ in range(3)
        for parcel in await outbox.claim(tenant.organisation_id, now, without=(), limit=1)
    ]
    assert found == [hook["id"] for hook in longest_due]

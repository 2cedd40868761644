"""Events wait for a webhook that is paused or cannot keep up; what was sent is listed, and kept for a while."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ids import stored_id
from adapters.postgres.webhooks import endpoints, outbox
from application.webhooks.old_deliveries import remove_old_deliveries
from tests.entrypoints.http.tenant import Json, Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewDispatcher, NewWebhook
from tests.entrypoints.http.webhooks.deliveries import ANY, deliveries, now_on, posts, shown
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.entrypoints.http.webhooks.receiver import Got, Receiver, answer

WAITING = text("""
INSERT INTO webhook_deliveries
    (organisation_id, endpoint_id, ledger_id, sequence, id, event_id, type, state, attempts, created_at, due_at,
    first_tried_at)
SELECT :organisation, :endpoint, ledger_id, sequence, gen_random_uuid(), gen_random_uuid(), 'transaction.posted',
    'pending', 7, now(), now() + interval '1 day', now()
FROM (VALUES (1, 1300), (2, 2), (3, 2698)) AS ledger (ledger_id, events), generate_series(1, events) AS sequence
""")
HOLD = text("SELECT FROM webhook_deliveries WHERE endpoint_id = :endpoint AND sequence = 900 FOR UPDATE")
UNTOUCHED = text("SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = :endpoint AND attempts > 0")


async def test_a_paused_webhook_gets_nothing_and_misses_nothing(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook(types=["transaction.posted"])
    paused = document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/pause"))
    assert (paused["pause_reason"], paused["version"]) == ("asked", 2)
    await posts(tenant, 2)
    assert await dispatching.run() == 0
    assert document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/resume"))["paused_at"] is None
    await dispatching.run()
    assert sorted(there.sequences) == [5, 6]


async def test_what_waits_is_hastened_in_parts_while_others_use_the_log(
    tenant: Tenant, new_webhook: NewWebhook, owner: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "HASTENED_AT_ONCE", 500)
    hook = await new_webhook()
    document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/pause"))
    ids = {"organisation": tenant.organisation_id, "endpoint": stored_id("whk", hook["id"])}
    async with owner.begin() as connection:
        # In three ledgers: 4,000 that were tried in vain, and are to be tried again tomorrow.
        await connection.execute(WAITING, ids)
    async with owner.begin() as connection:
        await connection.execute(HOLD, ids)
        resuming = asyncio.create_task(tenant.client.post(f"/v1/webhooks/{hook['id']}/resume"))
        async with asyncio.timeout(10):
            while await connection.scalar(UNTOUCHED, ids) == 4_000:  # noqa: ASYNC110 # only the database knows
                await asyncio.sleep(0.02)
        assert await connection.scalar(UNTOUCHED, ids) == 3_500
        # It waits in the middle for what is held here; whatever else the organisation does goes on.
        document(await tenant.client.post("/v1/api-keys", json={"name": "meanwhile"}), 201)
        # Whoever asked goes away: the webhook is paused as before.
        resuming.cancel()
        await asyncio.wait([resuming])
    assert (await shown(tenant, hook))["paused_at"] is not None
    assert document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/resume"))["paused_at"] is None
    async with owner.connect() as connection:
        assert await connection.scalar(UNTOUCHED, ids) == 0


async def test_a_deleted_webhook_gets_nothing_not_even_what_waited(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock)
    hook = await new_webhook(types=["transaction.posted"])
    there.status = 500
    await posts(tenant, 2)
    assert await dispatching.run() == 2
    assert (await tenant.client.delete(f"/v1/webhooks/{hook['id']}", headers=ANY)).status_code == 204
    await posts(tenant, 2)
    clock.advance(timedelta(days=1))
    assert await dispatching.run() == 0


async def test_a_webhook_that_cannot_keep_up_has_the_log_wait(
    tenant: Tenant,
    there: Receiver,
    new_dispatcher: NewDispatcher,
    new_webhook: NewWebhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "EVENTS_AT_A_TIME", 25)
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock, pending_max=20)
    hook = await new_webhook(ordered=True)
    there.status = 500
    await posts(tenant, 60)
    await dispatching.run()
    assert len(await deliveries(tenant, hook, "?limit=500")) == 25
    there.status = 204
    clock.advance(timedelta(minutes=1))
    await dispatching.run()
    assert there.sequences == [2, *range(2, 65)]


async def test_deliveries_are_listed_page_by_page(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook()
    await posts(tenant, 7)

    async def some(got: Got) -> bytes:
        return answer(200 if got.sequence % 2 else 500)

    there.answers = some
    await dispatching.run()
    for sort, wanted in (("-id", list(range(11, 1, -1))), ("id", list(range(2, 12)))):
        for state in ("", "&state=pending"):
            found: list[int] = []
            page: Json = {"next_cursor": ""}
            while page["next_cursor"] is not None:
                cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else ""
                path = f"/v1/webhooks/{hook['id']}/deliveries?limit=3&sort={sort}{state}{cursor}"
                page = document(await tenant.client.get(path))
                found += [each["sequence"] for each in page["data"]]
            assert found == [each for each in wanted if not state or each % 2 == 0]


async def test_deliveries_are_kept_for_thirty_days(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, owner: AsyncEngine
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock)
    hook = await new_webhook(types=["transaction.posted"])
    await posts(tenant, 3)
    await dispatching.run()
    clock.advance(timedelta(days=20))
    there.status = 500
    await posts(tenant, 1)
    await dispatching.run()
    clock.advance(timedelta(days=11))
    assert await remove_old_deliveries(dispatching.outbox, dispatching.container.old_deliveries(), clock) == 3
    assert await remove_old_deliveries(dispatching.outbox, dispatching.container.old_deliveries(), clock) == 0
    assert [each["state"] for each in await deliveries(tenant, hook)] == ["pending"]
    await tenant.client.delete(f"/v1/webhooks/{hook['id']}", headers=ANY)
    clock.advance(timedelta(days=31))
    assert await remove_old_deliveries(dispatching.outbox, dispatching.container.old_deliveries(), clock) == 1
    async with owner.connect() as connection:
        query = text("SELECT count(*) FROM webhook_endpoints WHERE organisation_id = :id")
        assert await connection.scalar(query, {"id": tenant.organisation_id}) == 0
    # Nobody looks at an organisation without webhooks any more, until it has one again.
    await dispatching.run()
    async with owner.connect() as connection:
        query = text("SELECT count(*) FROM webhook_agenda WHERE organisation_id = :id")
        assert await connection.scalar(query, {"id": tenant.organisation_id}) == 0
    there.status = 204
    await new_webhook()
    await posts(tenant, 1)
    assert await dispatching.run() == 1


async def test_what_waits_for_a_webhook_is_sent_though_it_is_not_about_that_ledger_any_more(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock)
    hook = await new_webhook(types=["transaction.posted"])
    there.status = 500
    await tenant.posted(sale())
    assert await dispatching.run() == 1
    path = f"/v1/webhooks/{hook['id']}"
    document(await tenant.client.patch(path, json={"ledgers": ["other"]}, headers=ANY))
    await tenant.posted(sale())
    there.status = 204
    clock.advance(timedelta(minutes=1))
    assert await dispatching.run() == 1
    assert there.sequences == [5, 5]
    # What happens meanwhile is none of its business, nor is it later.
    document(await tenant.client.patch(path, json={"ledgers": ["main"]}, headers=ANY))
    await tenant.posted(sale())
    assert await dispatching.run() == 1
    assert there.sequences == [5, 5, 7]

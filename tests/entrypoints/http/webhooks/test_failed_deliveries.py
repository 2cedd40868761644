"""What is not taken is sent again, for three days at the most, and holds up no other."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.entrypoints.http.tenant import Json, Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewDispatcher, NewWebhook
from tests.entrypoints.http.webhooks.deliveries import deliveries, now_on, posts, shown
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.entrypoints.http.webhooks.receiver import Got, Receiver, answer


async def test_what_fails_is_tried_for_three_days_and_then_the_webhook_is_paused_with_notice(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    clock = now_on()
    began = clock.now()
    dispatching = await new_dispatcher(clock=clock, chance=0.5)
    hook = await new_webhook(types=["transaction.posted"])
    there.status = 500
    await tenant.posted(sale())
    delivery: Json = {"state": "pending"}
    while delivery["state"] == "pending":
        await dispatching.run()
        (delivery,) = await deliveries(tenant, hook)
        if delivery["due_at"] is not None:
            due_at = datetime.fromisoformat(delivery["due_at"])
            clock.set(due_at - timedelta(microseconds=1))
            assert await dispatching.run() == 0
            clock.set(due_at)
    assert len(there.got) == delivery["attempts"] == 24
    assert timedelta(days=2.5) < clock.now() - began < timedelta(days=3.5)
    assert delivery["state"] == "failed"
    webhook = await shown(tenant, hook)
    assert webhook["pause_reason"] == "failing"
    assert datetime.fromisoformat(webhook["failing_since"]) == began
    newest = document(await tenant.client.get("/v1/audit-log?limit=1"))["data"][0]
    assert (newest["type"], newest["actor"]) == ("webhook.paused", "system:webhooks")
    # It misses nothing meanwhile, and what was given up can be had again.
    await tenant.posted(sale())
    assert await dispatching.run() == 0
    there.status = 204
    document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/resume"))
    await dispatching.run()
    assert there.sequences[24:] == [6]
    assert (await shown(tenant, hook))["failing_since"] is None
    assert (
        await tenant.client.post(f"/v1/webhooks/{hook['id']}/replay", json={"ledger": "main", "after": 4})
    ).status_code == 200
    await dispatching.run()
    assert sorted(there.sequences[25:]) == [5, 6]


async def test_one_event_that_is_never_taken_does_not_pause_a_webhook_that_takes_others(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock, chance=1.0)
    hook = await new_webhook(types=["transaction.posted"])

    async def all_but_one(got: Got) -> bytes:
        return answer(500 if got.sequence == 5 else 200)

    there.answers = all_but_one
    await tenant.posted(sale())
    for day in range(24):
        await dispatching.run()
        if day == 12:
            await tenant.posted(sale())
        clock.advance(timedelta(hours=12))
    await dispatching.run()
    assert [each["state"] for each in await deliveries(tenant, hook)] == ["delivered", "failed"]
    assert (await shown(tenant, hook))["paused_at"] is None


async def test_who_is_gone_is_asked_no_more(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook(ordered=True)
    there.status = 410
    await posts(tenant, 3)
    assert await dispatching.run() == 1
    assert (await shown(tenant, hook))["pause_reason"] == "gone"
    assert await dispatching.run() == 0


@pytest.mark.parametrize("ahead", [False, True])
async def test_a_receiver_may_ask_for_a_pause(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, ahead: bool
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock, chance=0.0)
    hook = await new_webhook(types=["transaction.posted"])
    wait = "Wed, 01 Jan 2070 00:00:00 GMT" if ahead else "120"

    async def busy(got: Got) -> bytes:
        return answer(429, f"Retry-After: {wait}\r\n")

    there.answers = busy
    await tenant.posted(sale())
    await dispatching.run()
    (delivery,) = await deliveries(tenant, hook)
    # No longer than an hour, whatever is asked for.
    assert datetime.fromisoformat(delivery["due_at"]) - clock.now() == timedelta(seconds=3_600 if ahead else 120)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            answer(302, "Location: http://127.0.0.1:1/\r\n"),
            "It answers with the status 302. Redirects are not followed.",
        ),
        (answer(404), "It answers with the status 404."),
        (b"nonsense\r\n\r\n", "It does not answer as a server of HTTP: what it sends cannot be read."),
        (b"", "It does not answer as a server of HTTP: what it sends cannot be read."),
        (b"HTTP/1.1 500 Slow\r\n", "It does not answer within 0.3 s."),
        (b"HTTP/1.1 200 Slow\r\nContent-Length: 9\r\n\r\n", "It does not answer within 0.3 s."),
        (
            b"HTTP/1.1 200 A\r\n" + b"a: " + b"b" * 200_000,
            "It does not answer as a server of HTTP: what it sends cannot be read.",
        ),
    ],
)
async def test_what_is_no_good_answer_is_a_failure(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, said: bytes, error: str
) -> None:
    dispatching = await new_dispatcher(answer_seconds=0.3)
    hook = await new_webhook(types=["transaction.posted"])

    async def say(got: Got) -> bytes:
        return said

    there.answers = say
    await tenant.posted(sale())
    assert await dispatching.run() == 1
    (delivery,) = await deliveries(tenant, hook)
    assert (delivery["state"], delivery["error"]) == ("pending", error)
    assert len(there.got) == 1


async def test_of_a_long_answer_only_the_beginning_is_read(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook(types=["transaction.posted"])

    async def without_end(got: Got) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n" + b"a" * 1_000_000

    there.answers = without_end
    await tenant.posted(sale())
    await dispatching.run()
    (delivery,) = await deliveries(tenant, hook)
    assert (delivery["state"], delivery["status"]) == ("delivered", 200)


async def test_a_receiver_that_hangs_holds_up_no_other(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    dispatching = await new_dispatcher()
    await new_webhook(url=f"{there.url}/hangs")
    await new_webhook(url=f"{there.url}/answers")
    goes_on = asyncio.Event()

    async def one_hangs(got: Got) -> bytes:
        if got.path == "/hangs":
            await goes_on.wait()
        return answer()

    there.answers = one_hangs
    await posts(tenant, 40)
    running = asyncio.create_task(dispatching.run())
    # Sixteen at a time, and no more, are open to the one that hangs; the other one gets everything meanwhile.
    await there.until(43 + 16)
    await asyncio.sleep(0.2)
    paths = [got.path for got in there.got]
    assert (paths.count("/answers"), paths.count("/hangs")) == (43, 16)
    goes_on.set()
    await running
    assert len(there.got) == 2 * 43


@pytest.mark.parametrize("days", [-400, 400])
async def test_a_clock_that_has_jumped_loses_nothing(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, days: int
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock)
    hook = await new_webhook(types=["transaction.posted"])
    there.status = 500
    clock.advance(timedelta(days=days))
    await tenant.posted(sale())
    assert await dispatching.run() == 1
    clock.advance(timedelta(days=-days))
    there.status = 204
    assert await dispatching.run() == 1
    assert [each["state"] for each in await deliveries(tenant, hook)] == ["delivered"]
    assert (await shown(tenant, hook))["paused_at"] is None


async def test_a_mistake_of_ours_counts_as_an_attempt_and_holds_up_no_other_event(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    async def fail(host: str, port: int) -> list[str]:
        raise RuntimeError("a bug")

    dispatching = await new_dispatcher(resolve=fail)
    hook = await new_webhook(types=["transaction.posted"], url=f"http://hooks.test:{there.url.rsplit(':', 1)[1]}")
    await posts(tenant, 3)
    assert await dispatching.run() == 3
    found = await deliveries(tenant, hook)
    assert [(each["state"], each["attempts"]) for each in found] == [("pending", 1)] * 3
    assert {each["error"] for each in found} == {"The server failed; its log says why."}
    # Only after a pause is it tried again.
    assert await dispatching.run() == 0

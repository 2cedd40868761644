"""Events get to webhooks: which, in which form, in which order, how often."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewDispatcher, NewWebhook
from tests.entrypoints.http.webhooks.deliveries import ANY, deliveries, listed, now_on, posts
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.entrypoints.http.webhooks.receiver import Got, Receiver, answer


async def test_an_event_comes_as_a_signed_cloud_event(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook(url=f"{there.url}/hooks?of=partita", types=["transaction.posted"])
    posted = await tenant.posted(sale())
    assert await dispatching.run() == 1
    (got,) = there.got
    (event,) = await listed(tenant, "&type=transaction.posted")
    assert got.path == "/hooks?of=partita"
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert got.headers["webhook-id"] == event["id"]
    assert (
        Webhook(hook["secret"]).verify(got.body, got.headers)
        == got.event
        == {
            "specversion": "1.0",
            "id": event["id"],
            "source": "/v1/ledgers/main",
            "type": "partita.transaction.posted",
            "time": event["recorded_at"],
            "subject": posted["id"],
            "datacontenttype": "application/json",
            "sequence": "0000000000000005",
            "data": event,
        }
    )
    (delivery,) = await deliveries(tenant, hook)
    assert (delivery["state"], delivery["attempts"], delivery["status"]) == ("delivered", 1, 204)
    assert (delivery["event"], delivery["ledger"], delivery["sequence"]) == (event["id"], "main", 5)
    assert await dispatching.run() == 0


async def test_a_webhook_gets_what_happens_after_it_was_made_in_ledgers_that_come_later_too(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    await tenant.posted(sale())
    await new_webhook()
    await tenant.posted(sale())
    document(await tenant.client.post("/v1/ledgers", json={"slug": "new"}), 201)
    await dispatching.run()
    assert {(got.event["source"], got.sequence) for got in there.got} == {
        ("/v1/ledgers/main", 6),
        ("/v1/ledgers/new", 1),
    }


async def test_of_ledgers_that_it_was_not_about_it_gets_the_events_from_then_on(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook(ledgers=["other"])
    await tenant.posted(sale())
    assert await dispatching.run() == 0
    path = f"/v1/webhooks/{hook['id']}"
    document(await tenant.client.patch(path, json={"ledgers": ["ma*"]}, headers=ANY))
    await tenant.posted(sale())
    await dispatching.run()
    assert there.sequences == [6]
    document(await tenant.client.patch(path, json={"ledgers": ["other"]}, headers=ANY))
    await tenant.posted(sale())
    assert await dispatching.run() == 0


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "types": st.lists(
            st.sampled_from(["transaction.posted", "account.opened", "account.changed", "hold.placed"]), max_size=3
        ),
        "account": st.sampled_from(["assets:bank", "assets:*", "**:sales", "assets:**", "nobody", "**"]),
        "ordered": st.booleans(),
    },
)


@given(filters=FILTERS, before=st.integers(0, 2), actions=st.lists(st.sampled_from("psoh"), min_size=1, max_size=6))
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_a_webhook_gets_is_what_the_list_has_for_the_same_filter(
    tenant: Tenant,
    there: Receiver,
    dispatching: Dispatcher,
    new_webhook: NewWebhook,
    filters: dict[str, Any],
    before: int,
    actions: list[str],
) -> None:
    for _ in range(before):
        await tenant.posted(sale())
    after = await tenant.head()
    hook = await new_webhook(**filters)
    there.got.clear()
    failed = 0

    async def now_and_then(got: Got) -> bytes:
        nonlocal failed
        failed += 1
        return answer(500 if failed % 3 == 1 else 200)

    there.answers = now_and_then
    for number, action in enumerate(actions):
        other = sale()
        other["entries"][0]["account"] = f"assets:{action}{number}" if action in "oh" else "assets:bank"
        if action == "h":
            document(await tenant.client.post(tenant.path("/holds"), json=other), 201)
        elif action == "s":
            body = {"metadata": {"at": str(number)}}
            await tenant.client.patch(tenant.path("/accounts/assets:bank"), json=body, headers=ANY)
        else:
            await tenant.posted(other)
        await dispatching.run()
    for _ in range(30):
        if not await deliveries(tenant, hook, "?state=pending"):
            break
        # What failed is tried again at once, in this test.
        document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/pause"))
        document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/resume"))
        await dispatching.run()
    assert await deliveries(tenant, hook, "?state=pending") == []
    query = f"&account={filters['account']}" if "account" in filters else ""
    query += f"&type[in]={','.join(filters['types'])}" if filters.get("types") else ""
    wanted = [event for event in await listed(tenant, query) if event["sequence"] > after]
    got = {event["sequence"]: event for event in there.events}
    assert [got[sequence] for sequence in sorted(got)] == wanted
    if filters.get("ordered"):
        assert list(got) == sorted(got)
    await tenant.client.delete(f"/v1/webhooks/{hook['id']}", headers=ANY)


async def test_in_order_means_that_none_comes_before_the_one_before_it_was_taken(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock)
    await new_webhook(ordered=True)
    await posts(tenant, 4)
    refused = [3, 3, 6]

    async def some(got: Got) -> bytes:
        if refused and got.sequence == refused[0]:
            return answer(503 if refused.pop(0) else 0)
        return answer()

    there.answers = some
    for _ in range(5):
        await dispatching.run()
        clock.advance(timedelta(minutes=1))
    assert there.sequences == [2, 3, 3, 3, 4, 5, 6, 6, 7, 8]


async def test_without_order_one_that_is_refused_holds_up_no_other(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    hook = await new_webhook(types=["transaction.posted"])
    await posts(tenant, 5)

    async def all_but_one(got: Got) -> bytes:
        return answer(500 if got.sequence == 5 else 200)

    there.answers = all_but_one
    await dispatching.run()
    assert sorted(there.sequences) == [5, 6, 7, 8, 9]
    (pending,) = await deliveries(tenant, hook, "?state=pending")
    assert (pending["sequence"], pending["attempts"], pending["status"]) == (5, 1, 500)
    assert pending["error"] == "It answers with the status 500."
    assert [each["sequence"] for each in await deliveries(tenant, hook, "?state[in]=delivered,failed")] == [9, 8, 7, 6]


async def test_a_replay_sends_everything_from_there_again_in_order(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook
) -> None:
    await posts(tenant, 3)
    hook = await new_webhook(ordered=True)
    await posts(tenant, 2)
    await dispatching.run()
    assert there.sequences == [8, 9]
    path = f"/v1/webhooks/{hook['id']}/replay"
    for _ in range(2):
        again = await tenant.client.post(path, json={"ledger": "main", "after": 3}, headers={"Idempotency-Key": "1"})
        assert again.status_code == 200
    await dispatching.run()
    assert there.sequences == [8, 9, 4, 5, 6, 7, 8, 9]
    assert there.got[0].headers["webhook-id"] == there.got[-2].headers["webhook-id"]
    # What it has not had yet is never left out.
    await tenant.posted(sale())
    await tenant.client.post(path, json={"ledger": "main", "after": 2**53})
    await dispatching.run()
    assert there.sequences[8:] == [10]


async def test_while_a_secret_is_replaced_both_check_what_is_sent(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock)
    hook = await new_webhook(types=["transaction.posted"])
    rotating = tenant.client.post(f"/v1/webhooks/{hook['id']}/rotate-secret", json={"overlap_seconds": 60})
    old, new = Webhook(hook["secret"]), Webhook(document(await rotating)["secret"])
    await tenant.posted(sale())
    await dispatching.run()
    for secret in (old, new):
        assert secret.verify(there.got[0].body, there.got[0].headers)
    clock.advance(timedelta(seconds=61))
    await tenant.posted(sale())
    await dispatching.run()
    assert new.verify(there.got[1].body, there.got[1].headers)
    with pytest.raises(WebhookVerificationError):
        old.verify(there.got[1].body, there.got[1].headers)


async def test_one_organisation_never_gets_what_is_anothers(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook, new_organisation: NewOrganisation
) -> None:
    other = await new_organisation()
    await new_webhook(types=["transaction.posted"])
    await other.posted(sale("99.99"))
    await tenant.posted(sale())
    await dispatching.run()
    assert [event["data"]["entries"][0]["amount"] for event in there.events] == ["12.50"]


async def test_a_webhook_is_tried_out_with_a_ping(tenant: Tenant, there: Receiver, new_webhook: NewWebhook) -> None:
    hook = await new_webhook()
    told = document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/test"))
    (got,) = there.got
    assert told == {"id": got.headers["webhook-id"], "delivered": True, "status": 204, "error": None}
    event = Webhook(hook["secret"]).verify(got.body, got.headers)
    assert (event["type"], event["source"]) == ("partita.ping", f"/v1/webhooks/{hook['id']}")
    there.status = 500
    told = document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/test"))
    assert (told["delivered"], told["status"]) == (False, 500)
    assert await deliveries(tenant, hook) == []


async def test_an_organisation_tries_out_four_webhooks_at_a_time(
    tenant: Tenant, there: Receiver, new_webhook: NewWebhook
) -> None:
    path = f"/v1/webhooks/{(await new_webhook())['id']}/test"
    goes_on = asyncio.Event()

    async def slowly(got: Got) -> bytes:
        await goes_on.wait()
        return answer()

    there.answers = slowly
    trying = [asyncio.create_task(tenant.client.post(path)) for _ in range(4)]
    await there.until(4)
    assert (await tenant.client.post(path)).json()["code"] == "overloaded"
    goes_on.set()
    assert [document(await each)["delivered"] for each in trying] == [True] * 4
    assert document(await tenant.client.post(path))["delivered"]

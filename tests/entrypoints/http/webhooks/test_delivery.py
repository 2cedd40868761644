"""Events get to webhooks: which, in which form, how often, and when no more."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.memory import ManualClock, MemoryMailbox
from adapters.postgres.access_tables import members
from adapters.postgres.person_tables import persons
from application.identity.letters import Letters
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewDispatcher, NewWebhook
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.entrypoints.http.webhooks.receiver import Got, Receiver, answer

ANY = {"If-Match": "*"}


def now_on() -> ManualClock:
    """A clock that shows the real time, and stands still there."""
    return ManualClock(datetime.now(UTC))


async def listed(tenant: Tenant, query: str = "") -> list[Json]:
    """The events of the ledger, as its route lists them."""
    found: list[Json] = document(await tenant.get(f"/events?after=0&limit=500{query}"))["data"]
    return found


async def deliveries(tenant: Tenant, hook: Json, query: str = "") -> list[Json]:
    """What was sent to a webhook and is to be, newest first."""
    found: list[Json] = document(await tenant.client.get(f"/v1/webhooks/{hook['id']}/deliveries{query}"))["data"]
    return found


async def shown(tenant: Tenant, hook: Json) -> Json:
    found: Json = document(await tenant.client.get(f"/v1/webhooks/{hook['id']}"))
    return found


async def posts(tenant: Tenant, count: int) -> None:
    document(await tenant.bulk([sale() for _ in range(count)]), 200)


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
@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    while await deliveries(tenant, hook, "?state=pending"):
        # What failed is tried again at once, in this test.
        document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/pause"))
        document(await tenant.client.post(f"/v1/webhooks/{hook['id']}/resume"))
        await dispatching.run()
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


async def test_one_organisation_never_gets_what_is_anothers(
    tenant: Tenant, there: Receiver, dispatching: Dispatcher, new_webhook: NewWebhook, new_organisation: NewOrganisation
) -> None:
    other = await new_organisation()
    await new_webhook(types=["transaction.posted"])
    await other.posted(sale("99.99"))
    await tenant.posted(sale())
    await dispatching.run()
    assert [event["data"]["entries"][0]["amount"] for event in there.events] == ["12.50"]


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


async def test_a_webhook_that_cannot_keep_up_has_the_log_wait(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook
) -> None:
    clock = now_on()
    dispatching = await new_dispatcher(clock=clock, pending_max=400)
    hook = await new_webhook(ordered=True)
    there.status = 500
    await posts(tenant, 1_000)
    await dispatching.run()
    assert len(await deliveries(tenant, hook, "?limit=500")) == 500
    there.status = 204
    clock.advance(timedelta(minutes=1))
    await dispatching.run()
    assert there.sequences == [2, *range(2, 1_005)]


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
    assert await dispatching.dispatch.tidy() == 3
    assert [each["state"] for each in await deliveries(tenant, hook)] == ["pending"]
    await tenant.client.delete(f"/v1/webhooks/{hook['id']}", headers=ANY)
    clock.advance(timedelta(days=31))
    assert await dispatching.dispatch.tidy() == 1
    async with owner.connect() as connection:
        query = text("SELECT count(*) FROM webhook_endpoints WHERE organisation_id = :id")
        assert await connection.scalar(query, {"id": tenant.organisation_id}) == 0


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


async def test_members_who_may_manage_webhooks_are_written_to(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, owner: AsyncEngine
) -> None:
    letters = Letters(mailbox := MemoryMailbox(), "https://books.test")
    dispatching = await new_dispatcher(letters=letters)
    roles = {"owner": [{"role": "owner"}], "auditor": [{"role": "auditor"}], "hooks": [{"role": "hooks"}]}
    permissions = {"permissions": ["webhooks:manage"]}
    document(await tenant.client.put("/v1/roles/hooks", json=permissions), 200)
    async with owner.begin() as connection:
        for role, assignments in roles.items():
            person = uuid.uuid4()
            email = f"{role}-{tenant.organisation_id}@partita.test"
            values = {"id": person, "email": email, "created_at": datetime.now(UTC)}
            await connection.execute(insert(persons).values(**values))
            filled = [{"ledgers": None, "accounts": None, **each} for each in assignments]
            member = {"assignments": filled, "joined_at": datetime.now(UTC), "version": 1}
            key = {"organisation_id": tenant.organisation_id, "person_id": person}
            await connection.execute(insert(members).values(**key, **member))
    hook = await new_webhook(url=f"{there.url}/a-secret-path", types=["transaction.posted"])
    there.status = 410
    await tenant.posted(sale())
    await dispatching.run()
    await letters.settle()
    sent = {message.to.partition("-")[0]: message for message in mailbox.messages}
    assert set(sent) == {"owner", "hooks"}
    assert hook["id"] in sent["owner"].text
    assert there.url in sent["owner"].text
    assert "a-secret-path" not in sent["owner"].text

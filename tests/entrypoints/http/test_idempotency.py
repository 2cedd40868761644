"""The same key with the same request has one effect, and one answer."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Tenant, blamed, document, problem, sale, with_entry

REPLAYED = "idempotency-replayed"


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("/v1/ledgers/main/transactions", sale(), sale("1.00")),
        (
            "/v1/ledgers/main/transactions/bulk",
            {"transactions": [sale(), sale()], "atomic": True},
            {"transactions": [sale()], "atomic": True},
        ),
        ("/v1/ledgers/main/accounts", {"path": "users:1", "type": "asset"}, {"path": "users:2", "type": "asset"}),
        ("/v1/ledgers", {"slug": "other"}, {"slug": "another"}),
    ],
)
async def test_a_retry_gets_the_first_answer_and_another_request_a_conflict(
    tenant: Tenant, path: str, body: Any, other: Any
) -> None:
    first = await tenant.client.post(path, json=body, headers=key("k"))
    assert first.status_code in (200, 201), first.text
    assert REPLAYED not in first.headers
    head = await tenant.head()
    again = await tenant.client.post(path, json=body, headers=key("k"))
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers[REPLAYED] == "true"
    for header in ("etag", "location", "partita-sequence"):
        assert again.headers.get(header) == first.headers.get(header)
    problem(await tenant.client.post(path, json=other, headers=key("k")), 409, "idempotency-conflict")
    assert await tenant.head() == head
    done = await tenant.client.post(path, json=other, headers=key("another"))
    assert done.status_code in (200, 201), done.text


async def test_a_ledger_is_answered_again_as_it_was_created(tenant: Tenant) -> None:
    body = {"slug": "other", "name": "Other", "metadata": {"a": "b"}}
    first = await tenant.client.post("/v1/ledgers", json=body, headers=key("k"))
    assert first.headers["partita-sequence"] == "1"
    change = {"name": "Another", "metadata": {"a": None, "c": "d"}}
    document(await tenant.client.patch("/v1/ledgers/other", json=change, headers={"If-Match": '"1"'}))
    again = await tenant.client.post("/v1/ledgers", json=body, headers=key("k"))
    assert document(again, 201) == document(first, 201)
    for header in ("etag", "location", "partita-sequence"):
        assert again.headers[header] == first.headers[header]
    assert again.headers[REPLAYED] == "true"


async def test_an_api_key_is_answered_again_as_it_was_made(tenant: Tenant) -> None:
    first = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}, headers=key("k")), 201)
    del first["key"]
    assert (await tenant.client.delete(f"/v1/api-keys/{first['id']}")).status_code == 204
    again = await tenant.client.post("/v1/api-keys", json={"name": "a"}, headers=key("k"))
    assert document(again, 201) == first
    assert again.headers[REPLAYED] == "true"


async def test_one_slug_created_with_a_key_and_without_at_the_same_time_is_no_deadlock(
    tenant: Tenant, postgres_url: str
) -> None:
    database = await asyncpg.connect(postgres_url)
    try:
        transaction = database.transaction()
        await transaction.start()
        # While the organisation's log is held, both come as far as they can; the one with the key is first in line.
        await database.execute("SELECT 1 FROM organisations WHERE id = $1 FOR NO KEY UPDATE", tenant.organisation_id)
        creations = []
        for headers in (key("k"), {}):
            creation = tenant.client.post("/v1/ledgers", json={"slug": "other"}, headers=headers)
            creations.append(asyncio.create_task(creation))
            await asyncio.wait(creations, timeout=0.5)
        await transaction.rollback()
        created, refused = await asyncio.gather(*creations)
    finally:
        await database.close()
    assert document(created, 201)["slug"] == "other"
    problem(refused, 409, "ledger-exists")


async def test_the_same_document_written_differently_is_the_same_request(tenant: Tenant) -> None:
    body = sale(description="é")
    first = document(await tenant.post(body, headers=key("k")), 201)
    shuffled = json.dumps({name: body[name] for name in reversed(body)}, indent=3).replace(
        "description", r"descri\u0070tion"
    )
    again = await tenant.client.post(
        tenant.path("/transactions"), content=shuffled, headers={**key("k"), "Content-Type": "application/json"}
    )
    assert document(again, 201) == first
    assert again.headers[REPLAYED] == "true"


async def test_the_same_key_for_another_path_is_a_conflict(tenant: Tenant) -> None:
    body = {"path": "users:1", "type": "asset"}
    document(await tenant.client.post(tenant.path("/accounts"), json=body, headers=key("k")), 201)
    problem(await tenant.post(sale(), headers=key("k")), 409, "idempotency-conflict")


async def test_keys_are_a_ledgers_own(tenant: Tenant, new_organisation: NewOrganisation) -> None:
    document(await tenant.client.post("/v1/ledgers", json={"slug": "other"}, headers=key("k")), 201)
    await tenant.posted(sale("1.00"), headers=key("k"))
    document(await tenant.client.post("/v1/ledgers/other/transactions", json=sale("2.00"), headers=key("k")), 201)
    stranger = await new_organisation()
    await stranger.posted(sale("3.00"), headers=key("k"))


async def test_a_refusal_is_judged_anew(tenant: Tenant) -> None:
    transaction = with_entry(account="users:1")
    problem(await tenant.post(transaction, headers=key("k")), 422, "account-not-found")
    opened = {"path": "users:1", "type": "asset"}
    document(await tenant.client.post(tenant.path("/accounts"), json=opened), 201)
    response = await tenant.post(transaction, headers=key("k"))
    document(response, 201)
    assert REPLAYED not in response.headers
    assert (await tenant.post(transaction, headers=key("k"))).headers[REPLAYED] == "true"


async def test_a_retry_is_answered_as_at_first_although_the_books_went_on(tenant: Tenant) -> None:
    first = await tenant.posted(sale(metadata={"a": "b"}), headers=key("k"))
    change = {"metadata": {"a": "c"}}
    path = tenant.path(f"/transactions/{first['id']}")
    document(await tenant.client.patch(path, json=change, headers={"If-Match": "*"}))
    await tenant.posted(sale("7.50"))
    assert document(await tenant.post(sale(metadata={"a": "b"}), headers=key("k")), 201) == first


async def test_many_callers_with_one_key_have_one_effect_and_one_answer(tenant: Tenant) -> None:
    responses = await asyncio.gather(*(tenant.post(sale(), headers=key("k")) for _ in range(40)))
    answers = [document(response, 201) for response in responses]
    assert all(answer == answers[0] for answer in answers)
    assert sum(REPLAYED not in response.headers for response in responses) == 1
    assert await tenant.balance("assets:bank") == "12.50"


async def test_many_callers_with_one_key_and_two_requests_have_one_effect(tenant: Tenant) -> None:
    bodies = [sale("1.00"), sale("2.00")] * 20
    responses = await asyncio.gather(*(tenant.post(body, headers=key("k")) for body in bodies))
    assert [response.status_code for response in responses] == [201, 409] * 20
    assert await tenant.balance("assets:bank") == "1.00"


@pytest.mark.parametrize("path", ["/v1/ledgers", "/v1/api-keys"])
async def test_many_callers_create_one(tenant: Tenant, path: str) -> None:
    body = {"slug": "other"} if path == "/v1/ledgers" else {"name": "one"}
    responses = await asyncio.gather(*(tenant.client.post(path, json=body, headers=key("k")) for _ in range(10)))
    assert {response.status_code for response in responses} == {201}
    assert sum(REPLAYED not in response.headers for response in responses) == 1
    listed = document(await tenant.client.get(path))["data"]
    assert len(listed) == 2


async def test_the_transactions_of_a_bulk_have_keys_of_their_own(tenant: Tenant) -> None:
    transactions = [sale("1.00"), with_entry(amount="9.99"), sale("2.00")]
    first = document(await tenant.bulk(transactions, headers=key("k")))["results"]
    transactions[1] = sale("3.00")
    response = await tenant.bulk(transactions, headers=key("k"))
    again = document(response)["results"]
    assert REPLAYED not in response.headers
    assert [again[0], again[2]] == [first[0], first[2]]
    assert again[1]["status"] == 201
    response = await tenant.bulk(transactions, headers=key("k"))
    assert (response.json()["results"], response.headers[REPLAYED]) == (again, "true")
    single = await tenant.post(sale("1.00"), headers=key("k/0"))
    assert document(single, 201) == first[0]["transaction"]
    problem(await tenant.post(sale("5.00"), headers=key("k/2")), 409, "idempotency-conflict")
    assert await tenant.balance("assets:bank") == "6.00"


async def test_a_stream_sent_again_posts_nothing_twice(tenant: Tenant) -> None:
    lines = [json.dumps(sale(f"{number}.00")).encode() for number in range(1, 6)]
    first = (await tenant.stream(b"\n".join(lines[:3]), key("k"))).text
    again = (await tenant.stream(b"\n".join(lines), key("k"))).text
    assert again.startswith(first)
    assert len(again.splitlines()) == 5
    assert await tenant.balance("assets:bank") == "15.00"


@pytest.mark.parametrize("bad", [b"", b" ", b"a\tb", b"\x80", b"k" * 256])
@pytest.mark.parametrize("rest", ["/transactions", "/transactions/bulk", "/accounts", "stream"])
async def test_a_key_that_can_be_none_is_refused_as_a_whole(tenant: Tenant, rest: str, bad: bytes) -> None:
    headers = {b"Idempotency-Key": bad}
    if rest == "stream":
        headers[b"Content-Type"] = b"application/x-ndjson"
        response = await tenant.client.post(
            tenant.path("/transactions/bulk"), content=json.dumps(sale()), headers=headers
        )
    else:
        body = {"/transactions": sale(), "/accounts": {"path": "assets:a"}}.get(rest, {"transactions": [sale()]})
        response = await tenant.client.post(tenant.path(rest), json=body, headers=headers)
    assert "Idempotency-Key" in problem(response, 422, "validation-failed")["detail"]
    assert await tenant.head() == 1


async def test_a_key_may_be_as_long_as_is_said(tenant: Tenant) -> None:
    await tenant.posted(sale(), headers=key("k" * 255))
    results = document(await tenant.bulk([sale()], headers=key("b" * 235)))["results"]
    assert results[0]["status"] == 201
    assert "235" in problem(await tenant.bulk([sale()], headers=key("b" * 236)), 422, "validation-failed")["detail"]


async def test_an_atomic_bulk_is_one_request(tenant: Tenant) -> None:
    taken = [sale(reference="a"), sale(reference="a")]
    assert blamed(problem(await tenant.bulk(taken, atomic=True, headers=key("k")), 409, "duplicate-reference"))
    fixed = [sale(reference="a"), sale(reference="b")]
    document(await tenant.bulk(fixed, atomic=True, headers=key("k")))
    problem(await tenant.bulk(fixed[:1], atomic=True, headers=key("k")), 409, "idempotency-conflict")

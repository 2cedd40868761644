"""Mistakes are told so that they can be found, and never cost more than what has none."""

import json
import tracemalloc

import pytest

from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem, sale


async def test_a_bad_line_is_told_as_what_it_is(tenant: Tenant) -> None:
    response = await tenant.stream(b'{"entries" []}\n\n[]\n\xff\n' + b"[" * 100 + b"]" * 100)
    assert [json.loads(line)["problem"]["detail"] for line in response.text.splitlines()] == [
        "Line 1: It is not JSON: Expecting ':' delimiter at column 12.",
        "Line 3: The transaction must be an object, not a list.",
        "Line 4: It is not UTF-8: byte 0 cannot be decoded.",
        "Line 5: It nests too deeply: at most 64 levels can be read.",
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ledgers", {"slug": "other"}),
        ("/v1/ledgers/main/accounts", {"path": "users:1", "type": "asset"}),
        ("/v1/api-keys", {"name": "checkout"}),
        ("/v1/ledgers/main/transactions/bulk", {"transactions": [sale()]}),
    ],
)
async def test_thousands_of_mistakes_cost_little_and_twenty_are_told(tenant: Tenant, path: str, body: Json) -> None:
    unknown = {f"x{number}": 1 for number in range(50_000)}
    content = json.dumps(body | unknown).encode()
    tracemalloc.start()
    try:
        response = await tenant.client.post(path, content=content, headers={"Content-Type": "application/json"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    told = problem(response, 422, "validation-failed")
    assert blamed(told) == [f"/x{number}" for number in range(20)]
    assert "49,980 more" in told["detail"]
    # What was sent, read as JSON, is 13 MB; a mistake for each field would be three times as much again.
    assert peak < 20_000_000
    few = problem(await tenant.client.post(path, json=body | {"a": 1, "b": 2, "c": 3}), 422, "validation-failed")
    assert few["detail"] == "/a is not a field that is known here (2 more in errors)."


async def test_of_many_refused_transactions_twenty_are_told_and_how_many_there_are(tenant: Tenant) -> None:
    transactions = [sale("0.001")] * 21
    told = problem(await tenant.bulk(transactions, atomic=True), 422, "too-many-decimals")
    assert blamed(told) == [f"/transactions/{index}/entries/0/amount" for index in range(20)]
    assert told["detail"].endswith(" Of 21 parts to blame, errors has the first 20.")
    told = problem(await tenant.bulk(transactions[1:], atomic=True), 422, "too-many-decimals")
    assert len(blamed(told)) == 20
    assert "parts to blame" not in told["detail"]


async def test_a_transaction_of_thousands_of_entries_on_one_account_blames_one(tenant: Tenant) -> None:
    wallet = {"path": "users:1", "type": "liability", "limits": [{"asset": "EUR", "minimum": "0"}]}
    document(await tenant.client.post(tenant.path("/accounts"), json=wallet), 201)
    out = {"account": "users:1", "direction": "debit", "amount": "0.01", "asset": "EUR"}
    entries = [out | {"account": "assets:bank", "direction": "credit", "amount": "20.00"}, *[out] * 2_000]
    told = problem(await tenant.post({"entries": entries}), 422, "insufficient-funds")
    assert blamed(told) == ["/entries/1/amount"]

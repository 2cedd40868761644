"""Reversals: whole, in parts, of each other, several at once; what is refused, and how it is told."""

from typing import Any

import pytest

from application.ledger.ports import Command
from entrypoints.container import Services
from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem, sale
from tests.entrypoints.http.wallets import (
    ANA,
    ARCHIVE_BEN,
    BEN,
    FREEZE_ANA,
    FREEZE_LEDGER,
    closing,
    do,
    entry,
    moved,
    open_wallets,
)

NOBODY = "txn_01kaqz0000e2wvqm1kz1n0v1xw"


@pytest.fixture(autouse=True)
async def wallets(tenant: Tenant, services: Services) -> None:
    await open_wallets(tenant, services)


async def ask(tenant: Tenant, transaction: Json, **asked: Any) -> Any:
    return await tenant.client.post(tenant.path(f"/transactions/{transaction['id']}/reverse"), json=asked)


async def reverse(tenant: Tenant, transaction: Json, **asked: Any) -> Any:
    return document(await ask(tenant, transaction, **asked), 201)


async def seen(tenant: Tenant, transaction: Json) -> Any:
    return document(await tenant.get(f"/transactions/{transaction['id']}"))


async def test_a_transaction_is_reversed_as_a_whole_and_both_say_so(tenant: Tenant) -> None:
    posted = await tenant.posted(sale("12.50", effective_at="2026-02-01T00:00:00Z"))
    response = await ask(tenant, posted)
    reversal = document(response, 201)
    assert response.headers["location"] == tenant.path(f"/transactions/{reversal['id']}")
    assert [(each["account"], each["direction"], each["amount"]) for each in reversal["entries"]] == [
        ("assets:bank", "credit", "12.50"),
        ("income:sales", "debit", "12.50"),
    ]
    assert (reversal["reverses"], reversal["reversed_by"], reversal["hold"]) == (posted["id"], [], None)
    assert reversal["description"] == f"Reversal of {posted['id']}"
    assert reversal["effective_at"] == reversal["recorded_at"]
    assert await seen(tenant, reversal) == reversal
    assert await seen(tenant, posted) == posted | {"reversed_by": [reversal["id"]]}
    assert await tenant.balance("income:sales") == "0.00"
    told = problem(await ask(tenant, posted), 422, "reversal-exceeded")
    assert told["transaction"] == posted["id"]


async def test_a_reversal_may_take_effect_when_the_transaction_did(tenant: Tenant) -> None:
    posted = await tenant.posted(sale("12.50", effective_at="2026-02-01T00:00:00Z"))
    asked = {"effective": "original", "reference": "r", "description": "Mistyped", "metadata": {"a": "b"}}
    reversal = await reverse(tenant, posted, **asked)
    assert reversal["effective_at"] == posted["effective_at"]
    assert (reversal["reference"], reversal["description"], reversal["metadata"]) == ("r", "Mistyped", {"a": "b"})


async def test_parts_are_written_as_the_transaction_has_them_and_reversed_up_to_what_is_left(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    first = await reverse(tenant, posted, entries=moved("20.00"))
    assert [(each["account"], each["direction"]) for each in first["entries"]] == [(ANA, "credit"), (BEN, "debit")]
    told = problem(await ask(tenant, posted, entries=moved("30.01")), 422, "reversal-exceeded")
    assert {name: told[name] for name in ("transaction", "account", "asset", "left", "asked")} == {
        "transaction": posted["id"],
        "account": ANA,
        "asset": "EUR",
        "left": "30.00",
        "asked": "30.01",
    }
    assert blamed(told) == ["/entries"]
    second = await reverse(tenant, posted)
    assert [each["amount"] for each in second["entries"]] == ["30.00", "30.00"]
    assert (await seen(tenant, posted))["reversed_by"] == [first["id"], second["id"]]
    assert await tenant.balance(ANA) == "100.00"


async def test_reversing_a_reversal_makes_its_amount_reversible_again(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    reversal = await reverse(tenant, posted)
    problem(await ask(tenant, posted), 422, "reversal-exceeded")
    again = await reverse(tenant, reversal, entries=[entry(ANA, "credit", "10.00"), entry(BEN, "debit", "10.00")])
    assert again["reverses"] == reversal["id"]
    assert await tenant.balance(BEN) == "10.00"
    last = await reverse(tenant, posted)
    assert [each["amount"] for each in last["entries"]] == ["10.00", "10.00"]
    assert await tenant.balance(BEN) == "0.00"


async def test_limits_bind_a_reversal_unless_it_is_forced(tenant: Tenant) -> None:
    (income,) = document(await tenant.get(f"/transactions?account={ANA}"))["data"]
    await tenant.posted({"entries": moved("60.00")})
    told = problem(await ask(tenant, income), 422, "insufficient-funds")
    assert (told["account"], told["available"], told["asked"]) == (ANA, "40.00", "100.00")
    await reverse(tenant, income, force=True)
    assert await tenant.balance(ANA) == "-60.00"


async def test_who_may_not_force_is_told_so(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": moved("1.00")})
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a", "scopes": ["accountant"]}), 201)
    paths: dict[str, Json] = {
        f"/transactions/{posted['id']}/reverse": {},
        "/transactions/reverse": {"reversals": [{"transaction": posted["id"]}]},
    }
    tenant.client.headers["Authorization"] = f"Bearer {made['key']}"
    for rest, asked in paths.items():
        for query in ("", "?dry_run=true"):
            refused = await tenant.client.post(tenant.path(rest + query), json=asked | {"force": True})
            assert "transactions:force" in problem(refused, 403, "permission-denied")["detail"]
    document(await tenant.client.post(tenant.path(f"/transactions/{posted['id']}/reverse"), json={}), 201)


@pytest.mark.parametrize(
    ("asked", "code", "pointer"),
    [
        ({"entries": []}, "validation-failed", "/entries"),
        ({"entries": moved("2.00")[:1] + moved("1.00")[1:]}, "unbalanced-transaction", "/entries"),
        ({"entries": [entry(ANA, "credit", "1.00"), entry(BEN, "debit", "1.00")]}, "reversal-exceeded", "/entries"),
        ({"effective": "yesterday"}, "validation-failed", "/effective"),
        ({"effective_at": "2026-01-01T00:00:00Z"}, "validation-failed", "/effective_at"),
        ({"force": "true"}, "validation-failed", "/force"),
        ({"entries": [{**entry(ANA, "debit", "1.00"), "amount": 1}]}, "amount-not-a-string", "/entries/0/amount"),
    ],
)
async def test_what_cannot_be_reversed_is_refused_where_it_is_wrong(
    tenant: Tenant, asked: Json, code: str, pointer: str
) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    assert blamed(problem(await ask(tenant, posted, **asked), 422, code)) == [pointer]


@pytest.mark.parametrize("id", [NOBODY, "hold_01kaqz0000e2wvqm1kz1n0v1xw", "x"])
async def test_a_transaction_that_is_not_there_is_not_found(tenant: Tenant, id: str) -> None:
    problem(await ask(tenant, {"id": id}), 404, "not-found")


@pytest.mark.parametrize(
    ("command", "code"),
    [(FREEZE_ANA, "account-frozen"), (FREEZE_LEDGER, "ledger-frozen"), (ARCHIVE_BEN, "account-archived")],
)
async def test_what_takes_no_entries_takes_no_reversals_forced_or_not(
    tenant: Tenant, services: Services, command: Command, code: str
) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    await tenant.posted({"entries": [entry(BEN, "debit", "50.00"), entry("assets:bank", "credit", "50.00")]})
    await do(tenant, services, command)
    problem(await ask(tenant, posted), 422, code)
    problem(await ask(tenant, posted, force=True), 422, code)


async def test_in_a_closed_period_nothing_is_reversed_and_now_it_is(tenant: Tenant, services: Services) -> None:
    posted = await tenant.posted({"entries": moved("5.00"), "effective_at": "2025-06-01T00:00:00Z"})
    await do(tenant, services, closing(services))
    problem(await ask(tenant, posted, effective="original"), 422, "period-closed")
    await reverse(tenant, posted)


async def test_a_capture_is_reversed_as_any_transaction_and_its_hold_stays_as_it_is(tenant: Tenant) -> None:
    hold = document(await tenant.client.post(tenant.path("/holds"), json={"entries": moved("10.00")}), 201)
    captured = document(await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json={}), 201)
    reversal = await reverse(tenant, captured)
    assert (reversal["hold"], reversal["reverses"]) == (None, captured["id"])
    assert document(await tenant.get(f"/holds/{hold['id']}"))["status"] == "captured"
    assert await tenant.balance(ANA) == "100.00"


async def test_a_dry_run_and_a_retry_of_a_reversal(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    path = tenant.path(f"/transactions/{posted['id']}/reverse")
    would = document(await tenant.client.post(path, json={}, params={"dry_run": "true"}))
    assert (would["id"], would["sequence"], would["reverses"]) == (None, None, posted["id"])
    assert (await seen(tenant, posted))["reversed_by"] == []
    headers = {"Idempotency-Key": "k"}
    first = document(await tenant.client.post(path, json={}, headers=headers), 201)
    await reverse(tenant, first)
    again = await tenant.client.post(path, json={}, headers=headers)
    assert document(again, 201) == first
    assert again.headers["idempotency-replayed"] == "true"
    problem(await tenant.client.post(path, json={"force": True}, headers=headers), 409, "idempotency-conflict")


async def test_several_transactions_are_reversed_together_or_not_at_all(tenant: Tenant) -> None:
    first, second = [await tenant.posted({"entries": moved(amount)}) for amount in ("30.00", "20.00")]
    path = tenant.path("/transactions/reverse")
    parts = [
        {"transaction": first["id"], "entries": moved("10.00"), "reference": "a"},
        {"transaction": second["id"], "effective": "original"},
        {"transaction": first["id"]},
    ]
    before = await tenant.head()
    refused = await tenant.client.post(path, json={"reversals": [*parts, parts[2], {"transaction": NOBODY}]})
    told = problem(refused, 422, "reversal-exceeded")
    assert blamed(told) == ["/reversals/3", "/reversals/4/transaction"]
    assert await tenant.head() == before

    headers = {"Idempotency-Key": "k"}
    response = await tenant.client.post(path, json={"reversals": parts}, headers=headers)
    results = document(response)["results"]
    assert [each["index"] for each in results] == [0, 1, 2]
    reversals = [each["transaction"] for each in results]
    assert [each["entries"][0]["amount"] for each in reversals] == ["10.00", "20.00", "20.00"]
    assert [each["reverses"] for each in reversals] == [first["id"], second["id"], first["id"]]
    assert reversals[1]["effective_at"] == second["effective_at"]
    assert response.headers["partita-sequence"] == str(reversals[2]["sequence"])
    assert document(await tenant.client.post(path, json={"reversals": parts}, headers=headers))["results"] == results
    assert await tenant.balance(ANA) == "100.00"


async def test_a_transaction_that_the_body_names_and_is_not_there_is_no_wrong_url(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    reversals = [{"transaction": posted["id"]}, {"transaction": NOBODY}]
    response = await tenant.client.post(tenant.path("/transactions/reverse"), json={"reversals": reversals})
    told = problem(response, 422, "not-found")
    assert blamed(told) == ["/reversals/1/transaction"]
    assert NOBODY in told["detail"]


@pytest.mark.parametrize(
    ("reversals", "pointer"),
    [
        ([], "/reversals"),
        ([{}], "/reversals/0/transaction"),
        ([{"transaction": NOBODY, "force": True}], "/reversals/0/force"),
        ([{"transaction": NOBODY}, "x"], "/reversals/1"),
        ([{"transaction": NOBODY}] * 1_001, "/reversals"),
    ],
)
async def test_reversals_that_cannot_be_read_are_refused_where_they_are_wrong(
    tenant: Tenant, reversals: list[Any], pointer: str
) -> None:
    response = await tenant.client.post(tenant.path("/transactions/reverse"), json={"reversals": reversals})
    assert blamed(problem(response, 422, "validation-failed")) == [pointer]


async def test_a_list_shows_links_and_is_filtered_by_what_was_reversed(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    reversals = [await reverse(tenant, posted, entries=moved(amount)) for amount in ("1.00", "2.00", "3.00")]
    whole = document(await tenant.get("/transactions?sort=sequence"))["data"]
    assert [each["reverses"] for each in whole[-3:]] == [posted["id"]] * 3
    assert whole[-4]["reversed_by"] == [each["id"] for each in reversals]
    for query, expected in (
        ("", reversals[::-1]),
        ("&sort=effective_at&limit=2", reversals[:2]),
        (f"&account={BEN}", reversals[::-1]),
        ("&account=users:*&sort=sequence", reversals),
        ("&hold=hold_01kaqz0000e2wvqm1kz1n0v1xw", []),
    ):
        assert document(await tenant.get(f"/transactions?reverses={posted['id']}{query}"))["data"] == expected, query
    assert document(await tenant.get(f"/transactions?reverses={NOBODY}"))["data"] == []


async def test_more_reversals_than_are_shown_are_all_in_the_list(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": moved("50.00")})
    part = {"transaction": posted["id"], "entries": moved("0.01")}
    response = await tenant.client.post(tenant.path("/transactions/reverse"), json={"reversals": [part] * 25})
    ids = [each["transaction"]["id"] for each in document(response)["results"]]
    assert (await seen(tenant, posted))["reversed_by"] == ids[:20]
    listed = document(await tenant.get(f"/transactions?reverses={posted['id']}&sort=sequence"))["data"]
    assert [each["id"] for each in listed] == ids

"""Transactions that leave something to the books: amounts, sides, and whether they are posted at all."""

from typing import Any

import pytest

from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem, sale


async def open_wallets(tenant: Tenant) -> None:
    """Two wallets, and ten euros in the first."""
    for name in ("ana", "ben"):
        account = {"path": f"users:{name}", "type": "liability"}
        document(await tenant.client.post(tenant.path("/accounts"), json=account), 201)
    document(
        await tenant.post(
            {
                "entries": [
                    {"account": "assets:bank", "direction": "debit", "amount": "10.00", "asset": "EUR"},
                    {"account": "users:ana", "direction": "credit", "amount": "10.00", "asset": "EUR"},
                ]
            }
        ),
        201,
    )


def payment(**of_wallet: Any) -> Json:
    return {
        "entries": [
            {"account": "users:ana", "direction": "debit", "asset": "EUR", **of_wallet},
            {"account": "users:ben", "direction": "credit", "amount": "rest", "asset": "EUR"},
        ]
    }


async def test_all_and_rest_are_answered_as_what_they_came_to(tenant: Tenant) -> None:
    await open_wallets(tenant)
    posted = document(await tenant.post(payment(amount="all")), 201)
    assert [entry["amount"] for entry in posted["entries"]] == ["10.00", "10.00"]
    assert await tenant.balance("users:ana") == "0.00"
    told = problem(await tenant.post(payment(amount="all")), 422, "nothing-to-move")
    assert (told["account"], told["asset"], told["available"]) == ("users:ana", "EUR", "0.00")


@pytest.mark.parametrize("amount", [{}, {"amount": "all"}])
async def test_up_to_moves_so_much_at_most(tenant: Tenant, amount: Json) -> None:
    await open_wallets(tenant)
    document(await tenant.post(payment(up_to="4.00", **amount)), 201)
    assert await tenant.balance("users:ana") == "6.00"
    document(await tenant.post(payment(up_to="400.00", **amount)), 201)
    assert await tenant.balance("users:ben") == "10.00"


async def test_a_transfer_is_two_entries(tenant: Tenant) -> None:
    await open_wallets(tenant)
    asked = {"from": "users:ana", "to": "users:ben", "amount": "2.50", "asset": "EUR", "reference": "p2p-1"}
    posted = document(await tenant.post(asked), 201)
    assert posted["reference"] == "p2p-1"
    assert posted["entries"] == [
        {"account": "users:ana", "direction": "debit", "amount": "2.50", "asset": "EUR", "balance_after": "7.50"},
        {"account": "users:ben", "direction": "credit", "amount": "2.50", "asset": "EUR", "balance_after": "2.50"},
    ]
    left = {"from": "users:ana", "to": "users:ben", "up_to": "100.00", "asset": "EUR"}
    assert document(await tenant.post(left), 201)["entries"][0]["amount"] == "7.50"


async def test_a_transfer_that_reads_two_ways_is_refused_with_both(tenant: Tenant) -> None:
    await open_wallets(tenant)
    asked = {"from": "users:ana", "to": "assets:bank", "amount": "2.50", "asset": "EUR"}
    told = problem(await tenant.post(asked), 422, "ambiguous-transfer")
    assert "debit users:ana and credit assets:bank, or credit users:ana and debit assets:bank" in told["detail"]


@pytest.mark.parametrize(
    ("asked", "code", "pointer"),
    [
        ({"from": "a", "to": "b", "amount": 5, "asset": "EUR"}, "amount-not-a-string", "/amount"),
        ({"from": "a", "to": "b", "up_to": 5, "asset": "EUR"}, "amount-not-a-string", "/up_to"),
        ({"to": "b", "amount": "5.00", "asset": "EUR"}, "validation-failed", "/from"),
        ({"from": "a", "amount": "5.00", "asset": "EUR"}, "validation-failed", "/to"),
        ({"from": "a", "to": "b", "amount": "5.00"}, "validation-failed", "/asset"),
        ({"from": "a", "to": "b", "asset": "EUR"}, "validation-failed", "/amount"),
        (sale() | {"from": "a", "to": "b"}, "validation-failed", "/entries"),
        ({}, "validation-failed", "/entries"),
        (payment(), "validation-failed", "/entries/0/amount"),
        (payment(amount="5.00", up_to="6.00"), "validation-failed", "/entries/0/up_to"),
        (payment(amount="5.00", balance_at_least=1), "amount-not-a-string", "/entries/0/balance_at_least"),
        (payment(amount="5.00", balance_version=-1), "validation-failed", "/entries/0/balance_version"),
        (sale() | {"based_on": 0}, "validation-failed", "/based_on"),
    ],
)
async def test_what_cannot_be_read_is_refused_where_it_is_wrong(
    tenant: Tenant, asked: Json, code: str, pointer: str
) -> None:
    told = problem(await tenant.post(asked), 422, code)
    assert blamed(told) == [pointer]


async def test_a_condition_is_judged_with_the_posting(tenant: Tenant) -> None:
    await open_wallets(tenant)
    document(await tenant.post(payment(amount="4.00", balance_at_least="10.00", balance_version=1)), 201)
    told = problem(await tenant.post(payment(amount="4.00", balance_exactly="10.00")), 422, "condition-failed")
    assert (told["account"], told["balance"], told["condition"]) == ("users:ana", "6.00", "balance_exactly")
    assert await tenant.balance("users:ana") == "6.00"


async def test_a_decision_is_refused_once_what_it_was_based_on_has_changed(tenant: Tenant) -> None:
    await open_wallets(tenant)
    seen = await tenant.head()
    first = await tenant.post(payment(amount="1.00") | {"based_on": seen})
    document(first, 201)
    told = problem(await tenant.post(payment(amount="1.00") | {"based_on": seen}), 422, "condition-failed")
    assert f"changed at sequence {first.headers['partita-sequence']}, after {seen}" in told["detail"]


async def test_linked_transactions_see_what_the_ones_before_them_did(tenant: Tenant) -> None:
    await open_wallets(tenant)
    on = {"from": "users:ben", "to": "users:cleo", "amount": "all", "asset": "EUR"}
    document(await tenant.client.post(tenant.path("/accounts"), json={"path": "users:cleo", "type": "liability"}), 201)
    linked = [payment(amount="6.00"), on]
    results = document(await tenant.bulk(linked, atomic=True))["results"]
    assert [result["transaction"]["entries"][0]["amount"] for result in results] == ["6.00", "6.00"]
    told = problem(await tenant.bulk([payment(amount="1.00"), on, on], atomic=True), 422, "nothing-to-move")
    assert "/transactions/2/amount" in blamed(told)
    assert await tenant.balance("users:ana") == "4.00"


async def test_a_dry_run_says_what_all_would_come_to(tenant: Tenant) -> None:
    await open_wallets(tenant)
    would = document(await tenant.client.post(tenant.path("/transactions?dry_run=true"), json=payment(amount="all")))
    assert (would["id"], would["entries"][0]["amount"]) == (None, "10.00")
    assert await tenant.balance("users:ana") == "10.00"


async def test_a_replay_answers_with_what_all_came_to_at_first(tenant: Tenant) -> None:
    await open_wallets(tenant)
    headers = {"Idempotency-Key": "all-of-it"}
    path = tenant.path("/transactions")
    first = document(await tenant.client.post(path, json=payment(amount="all"), headers=headers), 201)
    again = await tenant.client.post(path, json=payment(amount="all"), headers=headers)
    assert document(again, 201) == first
    assert again.headers["idempotency-replayed"] == "true"

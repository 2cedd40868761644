"""Transactions: post, get, list, change their metadata."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

ORDER: Json = {
    "reference": "order-1001",
    "description": "Order 1001",
    "effective_at": "2026-11-24T11:00:00.5+01:00",
    "entries": [
        {"account": "assets:bank", "direction": "debit", "amount": "100.00", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "84.03", "asset": "EUR"},
        {"account": "liabilities:vat", "direction": "credit", "amount": "15.97", "asset": "EUR"},
    ],
    "metadata": {"order": "1001"},
}


def age_of(moment: str) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(moment)


def past_order() -> Json:
    return ORDER | {"effective_at": "2024-11-24T11:00:00.5+01:00"}


async def test_a_posted_transaction_is_answered_as_the_interface_describes_it(tenant: Tenant) -> None:
    response = await tenant.post(past_order())
    posted = document(response, 201)
    id, recorded_at = posted.pop("id"), posted.pop("recorded_at")
    assert posted == {
        "sequence": 6,  # after the ledger, the asset and three accounts
        "status": "posted",
        "kind": "ordinary",
        "reference": "order-1001",
        "description": "Order 1001",
        "effective_at": "2024-11-24T10:00:00.500000Z",
        "entries": [
            {**ORDER["entries"][0], "balance_after": "100.00"},
            {**ORDER["entries"][1], "balance_after": "84.03"},
            {**ORDER["entries"][2], "balance_after": "15.97"},
        ],
        "metadata": {"order": "1001"},
        "version": 1,
        "hold": None,
        "reverses": None,
        "reversed_by": [],
    }
    assert id.startswith("txn_")
    assert len(id) == 30
    assert abs(age_of(recorded_at)) < timedelta(minutes=1)
    assert response.headers["location"] == f"/v1/ledgers/main/transactions/{id}"
    assert response.headers["etag"] == '"1"'
    assert response.headers["partita-sequence"] == "6"


async def test_a_transaction_reads_as_it_was_answered(tenant: Tenant) -> None:
    answered = await tenant.posted(past_order())
    got = await tenant.client.get(f"/v1/ledgers/main/transactions/{answered['id']}")
    assert document(got) == answered
    assert got.headers["etag"].startswith('"1.')
    listed = document(await tenant.get("/transactions"))
    assert listed == {"data": [answered], "has_more": False, "next_cursor": None}


async def test_what_is_left_out_has_a_default(tenant: Tenant) -> None:
    posted = await tenant.posted(sale())
    assert posted["reference"] is None
    assert posted["description"] == ""
    assert posted["metadata"] == {}
    assert posted["effective_at"] == posted["recorded_at"]


async def test_balances_stand_on_each_accounts_normal_side(tenant: Tenant) -> None:
    await tenant.posted(sale("100.00"))
    entries = [
        {"account": "income:sales", "direction": "debit", "amount": "30.50", "asset": "EUR"},
        {"account": "assets:bank", "direction": "credit", "amount": "130.50", "asset": "EUR"},
        {"account": "expenses:fees", "direction": "debit", "amount": "100.00", "asset": "EUR"},
    ]
    posted = await tenant.posted({"entries": entries})
    assert [entry["balance_after"] for entry in posted["entries"]] == ["69.50", "-30.50", "100.00"]
    assert await tenant.balance("assets:bank") == "-30.50"


async def test_each_asset_has_its_own_scale(tenant: Tenant) -> None:
    document(await tenant.client.put(tenant.path("/assets/BTC"), json={"scale": 8}))
    entries = []
    for amount, asset in (("0.00000001", "BTC"), ("1000", "JPY"), ("1.5", "EUR"), ("1.234", "KWD")):
        entries.append({"account": "assets:bank", "direction": "debit", "amount": amount, "asset": asset})
        entries.append({"account": "equity:opening", "direction": "credit", "amount": amount, "asset": asset})
    posted = await tenant.posted({"entries": entries})
    assert [entry["amount"] for entry in posted["entries"][::2]] == ["0.00000001", "1000", "1.50", "1.234"]
    assert [entry["balance_after"] for entry in posted["entries"][::2]] == ["0.00000001", "1000", "1.50", "1.234"]


async def test_the_largest_amounts_add_up_to_the_last_digit(tenant: Tenant) -> None:
    largest = "1" + "0" * 28 + ".00"
    await tenant.posted(sale(largest))
    await tenant.posted(sale(largest))
    await tenant.posted(sale("0.01"))
    assert await tenant.balance("assets:bank") == "2" + "0" * 28 + ".01"


async def test_an_account_may_have_several_entries_in_a_transaction(tenant: Tenant) -> None:
    entries = [
        {"account": "assets:bank", "direction": "debit", "amount": "5.00", "asset": "EUR"},
        {"account": "assets:bank", "direction": "credit", "amount": "2.00", "asset": "EUR"},
        {"account": "assets:bank", "direction": "credit", "amount": "3.00", "asset": "EUR"},
    ]
    posted = await tenant.posted({"entries": entries})
    assert [entry["balance_after"] for entry in posted["entries"]] == ["5.00", "3.00", "0.00"]


async def test_a_transaction_may_have_5_000_entries(tenant: Tenant) -> None:
    posted = await tenant.posted({"entries": sale("0.01")["entries"] * 2_500})
    assert len(posted["entries"]) == 5_000
    assert posted["entries"][-1]["balance_after"] == "25.00"
    assert document(await tenant.get(f"/transactions/{posted['id']}")) == posted


async def test_text_of_any_script_comes_back_as_it_was(tenant: Tenant) -> None:
    transaction = {
        "entries": [
            {"account": "assets:銀行:Café", "direction": "debit", "amount": "1.00", "asset": "EUR"},
            {"account": "income:продажи", "direction": "credit", "amount": "1.00", "asset": "EUR"},
        ],
        "reference": "Ω-1 \U0001f600",
        "description": "two\nlines \u202e and a tab\t",
        "metadata": {"clé": "\u0001 value", "\U0001f600": ""},
    }
    posted = await tenant.posted(transaction)
    assert document(await tenant.get(f"/transactions/{posted['id']}")) == posted
    assert posted["reference"] == transaction["reference"]
    assert posted["description"] == transaction["description"]
    assert posted["metadata"] == transaction["metadata"]
    assert await tenant.balance("assets:銀行:Café") == "1.00"
    listed = document(await tenant.get("/transactions", params={"metadata[clé]": "\u0001 value"}))["data"]
    assert listed == [posted]


async def test_a_reference_names_one_transaction_of_its_ledger(
    tenant: Tenant, new_organisation: NewOrganisation
) -> None:
    first = await tenant.posted(sale(reference="order-1"))
    told = problem(await tenant.post(sale("1.00", reference="order-1")), 409, "duplicate-reference")
    assert first["id"] in told["detail"]
    assert told["taken_by"] == "transaction"
    await tenant.posted(sale(reference="Order-1"))
    other = await new_organisation()
    await other.posted(sale(reference="order-1"))


@pytest.mark.parametrize("id", ["txn_01h2xcejqtf2nbrexx3vqjhp41", "txn_", "x", "evt_01h2xcejqtf2nbrexx3vqjhp41", "1"])
async def test_a_transaction_that_is_not_there_is_not_found(tenant: Tenant, id: str) -> None:
    problem(await tenant.get(f"/transactions/{id}"), 404, "not-found")
    change = await tenant.client.patch(
        tenant.path(f"/transactions/{id}"), json={"metadata": {}}, headers={"If-Match": "*"}
    )
    problem(change, 404, "not-found")


async def test_an_id_of_another_kind_does_not_name_a_transaction(tenant: Tenant) -> None:
    posted = await tenant.posted(sale())
    problem(await tenant.get(f"/transactions/{posted['id'].replace('txn', 'evt')}"), 404, "not-found")
    problem(await tenant.get(f"/transactions/{posted['id'].upper()}"), 404, "not-found")


@pytest.mark.parametrize("rest", ["", "/bulk"])
async def test_a_ledger_that_is_not_there_is_not_found(tenant: Tenant, rest: str) -> None:
    body = {"transactions": [sale()], "atomic": True} if rest else sale()
    response = await tenant.client.post(f"/v1/ledgers/other/transactions{rest}", json=body)
    assert "'other'" in problem(response, 404, "ledger-not-found")["detail"]


async def test_metadata_changes_and_entries_never_do(tenant: Tenant) -> None:
    posted = await tenant.posted(sale(metadata={"order": "1", "draft": "yes"}))
    path = tenant.path(f"/transactions/{posted['id']}")
    change = {"metadata": {"draft": None, "paid": "2026"}}
    response = await tenant.client.patch(path, json=change, headers={"If-Match": '"1"'})
    changed = document(response)
    assert changed == posted | {"metadata": {"order": "1", "paid": "2026"}, "version": 2}
    assert response.headers["etag"] == '"2"'
    assert response.headers["partita-sequence"] == str(posted["sequence"] + 1)
    assert document(await tenant.client.get(path)) == changed
    assert document(await tenant.get("/transactions?metadata[paid]=2026"))["data"] == [changed]
    assert document(await tenant.get("/transactions?metadata[draft]=yes"))["data"] == []


async def test_a_change_that_changes_nothing_leaves_no_event(tenant: Tenant) -> None:
    posted = await tenant.posted(sale(metadata={"a": "b"}))
    path = tenant.path(f"/transactions/{posted['id']}")
    response = await tenant.client.patch(path, json={"metadata": {"a": "b", "c": None}}, headers={"If-Match": "*"})
    assert document(response) == posted
    assert "partita-sequence" not in response.headers
    assert await tenant.head() == posted["sequence"]


async def test_effective_up_to_a_minute_ahead_counts_as_now(tenant: Tenant) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    posted = await tenant.posted(sale(effective_at=soon))
    assert posted["effective_at"] == posted["recorded_at"]
    later = (datetime.now(UTC) + timedelta(seconds=90)).isoformat()
    problem(await tenant.post(sale(effective_at=later)), 422, "effective-in-future")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1582-10-10T00:00:00Z", "2000-02-29t23:59:59.999999999z"])
async def test_any_time_that_was_can_be_effective(tenant: Tenant, moment: str) -> None:
    posted = await tenant.posted(sale(effective_at=moment))
    assert posted["effective_at"][:19].lower() == moment[:19].lower()
    assert document(await tenant.get(f"/transactions/{posted['id']}")) == posted

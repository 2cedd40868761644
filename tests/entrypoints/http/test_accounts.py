"""Accounts: open, get, list, change; their balances and entries."""

import pytest

from tests.entrypoints.http.tenant import Tenant, document, problem, sale

WALLET = {"path": "users:42:wallet", "type": "liability", "metadata": {"user": "42"}}


async def test_an_account_is_opened_and_read(tenant: Tenant) -> None:
    response = await tenant.client.post(tenant.path("/accounts"), json=WALLET)
    opened = document(response, 201)
    assert opened.pop("opened_at").endswith("Z")
    assert opened == WALLET | {"status": "open", "frozen": [], "limits": [], "version": 1}
    assert response.headers["location"] == "/v1/ledgers/main/accounts/users:42:wallet"
    assert response.headers["etag"] == '"1"'
    assert response.headers["partita-sequence"] == "2"
    got = await tenant.client.get(response.headers["location"])
    assert document(got) == response.json() | {"limits_in_force": []}
    assert got.headers["etag"].startswith('"1.')
    problem(await tenant.client.post(tenant.path("/accounts"), json=WALLET), 409, "account-exists")


async def test_an_account_of_any_script_can_be_opened_and_its_location_followed(tenant: Tenant) -> None:
    account = {"path": "учёт:日本:café", "type": "asset"}
    response = await tenant.client.post(tenant.path("/accounts"), json=account)
    assert document(response, 201)["path"] == account["path"]
    assert response.headers["location"].isascii()
    got = await tenant.client.get(response.headers["location"])
    assert document(got) == response.json() | {"limits_in_force": []}


async def test_the_chart_gives_a_type_that_is_left_out(tenant: Tenant) -> None:
    opened = document(await tenant.client.post(tenant.path("/accounts"), json={"path": "Expenses:rent"}), 201)
    assert opened["type"] == "expense"


async def test_an_account_is_opened_by_its_first_entry(tenant: Tenant) -> None:
    posted = await tenant.posted(sale())
    account = document(await tenant.get("/accounts/assets:bank"))
    assert account["type"] == "asset"
    assert account["opened_at"] == posted["recorded_at"]


async def test_metadata_is_laid_over(tenant: Tenant) -> None:
    await tenant.client.post(tenant.path("/accounts"), json=WALLET)
    path = tenant.path("/accounts/users:42:wallet")
    response = await tenant.client.patch(
        path, json={"metadata": {"user": None, "tier": "gold"}}, headers={"If-Match": '"1"'}
    )
    assert document(response)["metadata"] == {"tier": "gold"}
    assert response.headers["etag"] == '"2"'
    assert document(await tenant.client.get(path)) == response.json()


async def test_balances_tell_all_four_totals_of_each_asset(tenant: Tenant) -> None:
    await tenant.posted(sale("100.00"))
    refund = sale("87.50")
    for entry in refund["entries"]:
        entry["direction"] = "credit" if entry["direction"] == "debit" else "debit"
    await tenant.posted(refund)
    assert document(await tenant.get("/accounts/income:sales/balances")) == {
        "account": "income:sales",
        "type": "income",
        "balances": [
            {
                "asset": "EUR",
                "posted": "12.50",
                "available": "12.50",
                "posted_debits": "87.50",
                "posted_credits": "100.00",
                "held_debits": "0.00",
                "held_credits": "0.00",
                "balance_version": 2,
            }
        ],
    }


async def test_an_account_without_entries_has_no_balances(tenant: Tenant) -> None:
    await tenant.client.post(tenant.path("/accounts"), json=WALLET)
    assert document(await tenant.get("/accounts/users:42:wallet/balances"))["balances"] == []
    assert document(await tenant.get("/accounts/users:42:wallet/entries"))["data"] == []


async def test_balances_are_told_as_of_any_sequence(tenant: Tenant) -> None:
    sequences = [(await tenant.posted(sale(amount)))["sequence"] for amount in ("1.00", "2.00", "4.00")]
    for sequence, posted in zip(sequences, ("1.00", "3.00", "7.00"), strict=True):
        told = document(await tenant.get(f"/accounts/assets:bank/balances?as_of_sequence={sequence}"))
        assert [each["posted"] for each in told["balances"]] == [posted]
    opened = sequences[0] - 1
    assert document(await tenant.get(f"/accounts/income:sales/balances?as_of_sequence={opened}"))["balances"] == []
    problem(await tenant.get("/accounts/income:sales/balances?as_of_sequence=1"), 404, "account-not-found")


@pytest.mark.parametrize("sequence", ["0", "-1", "x", "1.5", "", "9007199254740993", "99999999999999999999999", "１"])
async def test_as_of_a_sequence_that_is_none_is_refused(tenant: Tenant, sequence: str) -> None:
    await tenant.posted(sale())
    for rest in ("/accounts/assets:bank/balances", "/accounts/assets:bank/entries", "/reports/trial-balance"):
        told = problem(await tenant.get(f"{rest}?as_of_sequence={sequence}"), 422, "validation-failed")
        assert "as_of_sequence" in told["detail"]


async def test_entries_are_listed_as_of_any_sequence(tenant: Tenant) -> None:
    first, second, third = [(await tenant.posted(sale(amount)))["sequence"] for amount in ("1.00", "2.00", "4.00")]
    for sequence, balances in (
        (first - 1, []),
        (first, ["1.00"]),
        (third - 1, ["1.00", "3.00"]),
        (third, ["1.00", "3.00", "7.00"]),
        (2**53, ["1.00", "3.00", "7.00"]),
    ):
        for sort, expected in (("sequence", balances), ("-sequence", balances[::-1])):
            for asset in ("", "&asset=EUR"):
                rest = f"/accounts/income:sales/entries?as_of_sequence={sequence}&sort={sort}{asset}"
                told = document(await tenant.get(rest))["data"]
                assert [each["balance_after"] for each in told] == expected
    page = document(await tenant.get(f"/accounts/assets:bank/entries?as_of_sequence={second}&limit=1"))
    assert [each["sequence"] for each in page["data"]] == [second]
    rest = f"/accounts/assets:bank/entries?as_of_sequence={second}&limit=1&cursor={page['next_cursor']}"
    assert [each["sequence"] for each in document(await tenant.get(rest))["data"]] == [first]
    problem(await tenant.get("/accounts/income:sales/entries?as_of_sequence=1"), 404, "account-not-found")


async def test_entries_are_listed_with_the_balance_that_each_left(tenant: Tenant) -> None:
    posted = [await tenant.posted(sale(amount, reference=amount)) for amount in ("1.00", "2.00")]
    entries = document(await tenant.get("/accounts/assets:bank/entries"))["data"]
    assert [each["balance_after"] for each in entries] == ["3.00", "1.00"]
    assert entries[0] == {
        "sequence": posted[1]["sequence"],
        "transaction": posted[1]["id"],
        "direction": "debit",
        "amount": "2.00",
        "asset": "EUR",
        "balance_after": "3.00",
        "balance_version": 2,
        "reference": "2.00",
        "description": "",
        "effective_at": posted[1]["effective_at"],
        "recorded_at": posted[1]["recorded_at"],
    }
    forwards = document(await tenant.get("/accounts/assets:bank/entries?sort=sequence"))["data"]
    assert forwards == entries[::-1]
    assert document(await tenant.get("/accounts/assets:bank/entries?asset=USD"))["data"] == []


@pytest.mark.parametrize("path", ["assets:none", "assets::bank", "a b", "%F0%9F%92%B0", "a" * 256])
async def test_an_account_that_is_not_there_is_not_found(tenant: Tenant, path: str) -> None:
    for rest in ("", "/balances", "/entries"):
        problem(await tenant.get(f"/accounts/{path}{rest}"), 404, "account-not-found")
    change = await tenant.client.patch(
        tenant.path(f"/accounts/{path}"), json={"metadata": {}}, headers={"If-Match": "*"}
    )
    problem(change, 404, "account-not-found")

"""Closed periods: the books are shut up to a day, and opened again with a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response

from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem, sale

RESULT = "equity:retained-earnings"


async def close(tenant: Tenant, until: str, query: str = "", headers: Json | None = None, **others: Any) -> Response:
    path = tenant.path(f"/periods{query}")
    return await tenant.client.post(path, json={"until": until} | others, headers=headers or {})


async def closed(tenant: Tenant, until: str, **others: Any) -> Json:
    period: Json = document(await close(tenant, until, **others), 201)
    return period


async def reopen(tenant: Tenant, id: str, body: Json | None = None, query: str = "", **given: Any) -> Response:
    path = tenant.path(f"/periods/{id}/reopen{query}")
    return await tenant.client.post(path, json={"reason": "Late invoice."} if body is None else body, **given)


async def spent(tenant: Tenant, amount: str, effective_at: str) -> None:
    sides = (("expenses:rent", "debit"), ("assets:bank", "credit"))
    entries = [{"account": account, "direction": side, "amount": amount, "asset": "EUR"} for account, side in sides]
    await tenant.posted({"entries": entries, "effective_at": effective_at})


async def test_nothing_becomes_effective_before_the_day_up_to_which_the_books_are_closed(tenant: Tenant) -> None:
    period = await closed(tenant, "2026-04-01", reason="First quarter.")
    assert period.pop("id").startswith("prd_")
    assert period.pop("closed_at").endswith("Z")
    assert period == {
        "since": None,
        "starts_at": None,
        "until": "2026-04-01",
        "ends_at": "2026-04-01T00:00:00.000000Z",
        "status": "closed",
        "reason": "First quarter.",
        "reopened_at": None,
        "reopen_reason": None,
        "closing_transactions": [],
    }
    assert document(await tenant.get())["closed_until"] == "2026-04-01"
    told = problem(await tenant.post(sale(effective_at="2026-03-31T23:59:59.999999Z")), 422, "period-closed")
    assert (told["closed_until"], blamed(told)) == ("2026-04-01T00:00:00.000000Z", ["/effective_at"])
    await tenant.posted(sale(effective_at="2026-04-01T00:00:00Z"))
    await tenant.posted(sale())


async def test_periods_follow_each_other_and_are_listed_the_last_closed_first(tenant: Tenant) -> None:
    response = await close(tenant, "2026-01-01")
    first = document(response, 201)
    assert response.headers["location"] == f"/v1/ledgers/main/periods/{first['id']}"
    assert response.headers["partita-sequence"] == "2"
    second = await closed(tenant, "2026-02-01")
    assert (second["since"], second["starts_at"]) == ("2026-01-01", "2026-01-01T00:00:00.000000Z")
    for until in ("2026-02-01", "2026-01-15", "0001-01-01"):
        assert blamed(problem(await close(tenant, until), 409, "period-out-of-order")) == ["/until"]
    assert document(await tenant.get("/periods"))["data"] == [second, first]
    assert document(await tenant.get("/periods?sort=closed_at"))["data"] == [first, second]
    page = document(await tenant.get("/periods?limit=1"))
    assert page["data"] == [second]
    assert document(await tenant.get(f"/periods?limit=1&cursor={page['next_cursor']}"))["data"] == [first]
    for period in (first, second):
        assert document(await tenant.get(f"/periods/{period['id']}")) == period


async def test_a_period_is_reopened_with_a_reason_the_last_one_first(tenant: Tenant) -> None:
    first, second = await closed(tenant, "2026-01-01"), await closed(tenant, "2026-02-01")
    problem(await reopen(tenant, first["id"]), 409, "period-out-of-order")
    reopened = document(await reopen(tenant, second["id"]))
    assert reopened.pop("reopened_at") >= second["closed_at"]
    assert reopened == {name: value for name, value in second.items() if name != "reopened_at"} | {
        "status": "reopened",
        "reopen_reason": "Late invoice.",
    }
    assert document(await tenant.get(f"/periods/{second['id']}"))["status"] == "reopened"
    assert document(await tenant.get())["closed_until"] == "2026-01-01"
    await tenant.posted(sale(effective_at="2026-01-31T00:00:00Z"))
    problem(await reopen(tenant, second["id"]), 409, "period-out-of-order")
    document(await reopen(tenant, first["id"]))
    assert document(await tenant.get())["closed_until"] is None
    await tenant.posted(sale(effective_at="2025-01-31T00:00:00Z"))
    again = await closed(tenant, "2026-02-01")
    assert again["since"] is None
    assert [each["status"] for each in document(await tenant.get("/periods"))["data"]] == [
        "closed",
        "reopened",
        "reopened",
    ]


async def test_results_are_moved_to_equity_at_the_last_moment_of_the_period(tenant: Tenant) -> None:
    await tenant.posted(sale("100.00", effective_at="2026-03-01T00:00:00Z"))
    await spent(tenant, "30.00", "2026-03-31T12:00:00Z")
    await tenant.posted(sale("7.00", effective_at="2026-04-01T00:00:00Z"))
    period = await closed(tenant, "2026-04-01", result_to=RESULT)
    (id,) = period["closing_transactions"]
    transaction = document(await tenant.get(f"/transactions/{id}"))
    assert (transaction["kind"], transaction["effective_at"]) == ("closing", "2026-03-31T23:59:59.999999Z")
    assert {(each["account"], each["direction"], each["amount"]) for each in transaction["entries"]} == {
        ("expenses:rent", "credit", "30.00"),
        ("income:sales", "debit", "100.00"),
        (RESULT, "credit", "70.00"),
    }
    assert document(await tenant.get(f"/periods/{period['id']}")) == period
    assert await tenant.balance(RESULT) == "70.00"
    assert await tenant.balance("income:sales") == "7.00"
    assert await tenant.balance("expenses:rent") == "0.00"


async def test_each_period_names_its_own_closing_transactions(tenant: Tenant) -> None:
    euros = sale("1.00", effective_at="2026-01-01T00:00:00Z")
    await tenant.posted(euros)
    for entry in euros["entries"]:
        entry["asset"] = "USD"
    await tenant.posted(euros)
    first = await closed(tenant, "2026-02-01", result_to=RESULT)
    assert len(first["closing_transactions"]) == 2
    document(await reopen(tenant, first["id"]))
    await tenant.posted(sale("2.00", effective_at="2026-01-02T00:00:00Z"))
    second = await closed(tenant, "2026-02-01", result_to=RESULT)
    assert len(second["closing_transactions"]) == 1
    document(await reopen(tenant, second["id"]))
    third = await closed(tenant, "2026-02-01", result_to=RESULT)
    assert third["closing_transactions"] == []
    document(await reopen(tenant, third["id"]))
    (undone,) = second["closing_transactions"]
    back = document(await tenant.client.post(tenant.path(f"/transactions/{undone}/reverse"), json={}), 201)
    assert back["kind"] == "closing"
    fourth = await closed(tenant, "2026-02-01")
    listed = document(await tenant.get("/periods"))["data"]
    assert [each["closing_transactions"] for each in listed] == [
        [],
        [],
        second["closing_transactions"],
        first["closing_transactions"],
    ]
    assert document(await tenant.get(f"/periods/{fourth['id']}"))["closing_transactions"] == []
    closing = [
        each["id"]
        for each in document(await tenant.get("/transactions?sort=sequence"))["data"]
        if each["kind"] == "closing"
    ]
    assert closing == [*first["closing_transactions"], *second["closing_transactions"], back["id"]]


async def test_no_results_are_moved_in_a_frozen_ledger_or_to_a_frozen_account(tenant: Tenant) -> None:
    await tenant.posted(sale("5.00", effective_at="2026-01-10T00:00:00Z"))
    document(await tenant.client.post(tenant.path("/accounts"), json={"path": RESULT}), 201)
    for frozen, refusal in ((f"/accounts/{RESULT}", "account-frozen"), ("", "ledger-frozen")):
        document(await tenant.client.post(tenant.path(f"{frozen}/freeze"), json={"reason": "a"}))
        problem(await close(tenant, "2026-02-01", result_to=RESULT), 422, refusal)
        if frozen:
            document(await tenant.client.post(tenant.path(f"{frozen}/unfreeze"), json={"reason": "a"}))
    assert document(await tenant.get())["closed_until"] is None
    await closed(tenant, "2026-02-01")
    document(await tenant.client.post(tenant.path("/unfreeze"), json={"reason": "a"}))
    assert await tenant.balance("income:sales") == "5.00"


async def test_a_frozen_account_of_income_gives_up_its_results_and_an_archived_one_once_restored(
    tenant: Tenant,
) -> None:
    await tenant.posted(sale("5.00", effective_at="2026-01-10T00:00:00Z"))
    back = sale("5.00", effective_at="2026-02-10T00:00:00Z")
    for entry in back["entries"]:
        entry["direction"] = {"debit": "credit", "credit": "debit"}[entry["direction"]]
    await tenant.posted(back)
    account = tenant.path("/accounts/income:sales")
    document(await tenant.client.post(f"{account}/freeze", json={"reason": "a"}))
    document(await tenant.client.delete(f"{account}?reason=a", headers={"If-Match": "*"}))
    told = problem(await close(tenant, "2026-02-01", result_to=RESULT), 422, "account-archived")
    assert told["account"] == "income:sales"
    assert "restore the account first" in told["detail"]
    document(await tenant.client.post(f"{account}/restore", json={"reason": "a"}))
    await closed(tenant, "2026-02-01", result_to=RESULT)
    assert await tenant.balance(RESULT) == "5.00"
    assert await tenant.balance("income:sales") == "-5.00"


async def test_results_go_to_an_account_of_equity_only(tenant: Tenant) -> None:
    for account in ("liabilities:loan", "a b"):
        told = problem(await close(tenant, "2026-04-01", result_to=account), 422, "validation-failed")
        assert blamed(told) == ["/result_to"]
    told = problem(await close(tenant, "2026-04-01", result_to="result"), 422, "account-not-found")
    assert blamed(told) == ["/result_to"]
    assert await tenant.head() == 1


@pytest.mark.parametrize(
    ("time_zone", "until", "begins"),
    [
        ("Europe/Berlin", "2026-04-01", "2026-03-31T22:00:00.000000Z"),
        ("America/New_York", "2026-01-01", "2026-01-01T05:00:00.000000Z"),
        # Clocks went from 24:00 to 1:00, so that the day has no midnight.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00.000000Z"),
        # Clocks went back from 1:00 to 0:00, so that the day has two.
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00.000000Z"),
    ],
)
async def test_a_day_begins_where_the_ledger_is(tenant: Tenant, time_zone: str, until: str, begins: str) -> None:
    document(await tenant.client.post("/v1/ledgers", json={"slug": "there", "time_zone": time_zone}), 201)
    there = Tenant(tenant.organisation_id, tenant.key, "there", tenant.client)
    assert (await closed(there, until))["ends_at"] == begins
    before = datetime.fromisoformat(begins) - timedelta(microseconds=1)
    problem(await there.post(sale(effective_at=before.isoformat())), 422, "period-closed")
    await there.posted(sale(effective_at=begins))


async def test_a_period_whose_last_day_is_not_over_cannot_be_closed(tenant: Tenant) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    for until in (tomorrow, "9999-12-31"):
        assert blamed(problem(await close(tenant, until), 422, "period-not-over")) == ["/until"]


@pytest.mark.parametrize(
    "until",
    [
        "2026-02-29",
        "2026-4-1",
        "2026-04-01T00:00:00Z",
        "20260401",
        "2026-W14-3",
        "",
        "0000-01-01",
        "２026-04-01",
        1,
        None,
    ],
)
async def test_what_is_no_day_is_refused(tenant: Tenant, until: Any) -> None:
    assert blamed(problem(await close(tenant, until), 422, "validation-failed")) == ["/until"]


async def test_days_at_the_end_of_all_years_are_refused_and_no_mistake_of_ours(tenant: Tenant) -> None:
    for slug, time_zone, until in (("east", "Asia/Tokyo", "0001-01-01"), ("west", "America/New_York", "9999-12-31")):
        document(await tenant.client.post("/v1/ledgers", json={"slug": slug, "time_zone": time_zone}), 201)
        there = Tenant(tenant.organisation_id, tenant.key, slug, tenant.client)
        response = await close(there, until)
        assert response.status_code == 422, response.text
        assert blamed(response.json()) == ["/until"]


@pytest.mark.parametrize("others", [{}, {"result_to": RESULT}])
async def test_the_first_day_of_all_years_is_a_day_like_others(tenant: Tenant, others: Json) -> None:
    period = await closed(tenant, "0001-01-01", **others)
    assert period["ends_at"] == "0001-01-01T00:00:00.000000Z"
    assert document(await tenant.get(f"/periods/{period['id']}")) == period
    assert document(await tenant.get())["closed_until"] == "0001-01-01"
    await tenant.posted(sale(effective_at="0001-01-01T00:00:00Z"))
    assert (await closed(tenant, "0001-01-02", **others))["since"] == "0001-01-01"


async def test_a_body_that_makes_no_sense_is_refused(tenant: Tenant) -> None:
    for body, pointer in (
        ({}, "/until"),
        ({"until": "2026-01-01", "from": "2025-01-01"}, "/from"),
        ({"until": "2026-01-01", "reason": "a" * 1001}, "/reason"),
        ({"until": "2026-01-01", "reason": None}, "/reason"),
    ):
        response = await tenant.client.post(tenant.path("/periods"), json=body)
        assert blamed(problem(response, 422, "validation-failed")) == [pointer]
    period = await closed(tenant, "2026-01-01")
    for body in ({}, {"reason": ""}):
        assert blamed(problem(await reopen(tenant, period["id"], body), 422, "validation-failed")) == ["/reason"]


@pytest.mark.parametrize("id", ["prd_01h2xcejqtf2nbrexx3vqjhp41", "prd_x", "txn_01h2xcejqtf2nbrexx3vqjhp41", "%00"])
async def test_a_period_that_is_not_there_is_not_found(tenant: Tenant, id: str) -> None:
    problem(await tenant.get(f"/periods/{id}"), 404, "not-found")
    problem(await reopen(tenant, id), 404, "not-found")


async def test_a_key_closes_and_reopens_once(tenant: Tenant) -> None:
    await tenant.posted(sale("1.00", effective_at="2026-01-01T00:00:00Z"))
    key = {"Idempotency-Key": "k"}
    first = await close(tenant, "2026-02-01", headers=key, result_to=RESULT)
    period = document(first, 201)
    reopened = await reopen(tenant, period["id"], headers={"Idempotency-Key": "r"})
    again = await close(tenant, "2026-02-01", headers=key, result_to=RESULT)
    assert document(again, 201) == period
    for header in ("location", "partita-sequence"):
        assert again.headers[header] == first.headers[header]
    assert again.headers["idempotency-replayed"] == "true"
    problem(await close(tenant, "2026-03-01", headers=key), 409, "idempotency-conflict")
    assert document(await reopen(tenant, period["id"], headers={"Idempotency-Key": "r"})) == document(reopened)
    assert document(await tenant.get())["closed_until"] is None


async def test_dry_runs_show_what_would_be_and_change_nothing(tenant: Tenant) -> None:
    await tenant.posted(sale("1.00", effective_at="2026-01-01T00:00:00Z"))
    head = await tenant.head()
    would_be = document(await close(tenant, "2026-02-01", "?dry_run=true", result_to=RESULT))
    assert (would_be["id"], would_be["until"], would_be["closing_transactions"]) == (None, "2026-02-01", [None])
    assert await tenant.head() == head
    period = await closed(tenant, "2026-02-01")
    head = await tenant.head()
    would_be = document(await reopen(tenant, period["id"], query="?dry_run=true"))
    assert (would_be["status"], would_be["reopen_reason"]) == ("reopened", "Late invoice.")
    assert would_be["reopened_at"] >= period["closed_at"]
    assert await tenant.head() == head
    assert document(await tenant.get(f"/periods/{period['id']}")) == period


async def test_the_log_tells_who_closed_and_reopened_and_why(tenant: Tenant) -> None:
    (key,) = document(await tenant.client.get("/v1/api-keys"))["data"]
    period = await closed(tenant, "2026-02-01", reason="January.")
    reopened = document(await reopen(tenant, period["id"]))
    first, second = document(await tenant.get("/events?after=1"))["data"]
    assert (first["type"], first["actor"], first["recorded_at"]) == ("period.closed", key["id"], period["closed_at"])
    assert first["data"] == {
        "id": period["id"],
        "starts_on": None,
        "starts_at": None,
        "ends_on": "2026-02-01",
        "ends_at": "2026-02-01T00:00:00.000000Z",
        "reason": "January.",
    }
    assert (second["type"], second["actor"], second["recorded_at"]) == (
        "period.reopened",
        key["id"],
        reopened["reopened_at"],
    )
    assert second["data"] == {"id": period["id"], "reason": "Late invoice."}

"""Limits on accounts: set, shown, read live from the chart, and what they refuse."""

from typing import Any

import pytest

from application.ledger.place_hold import PlaceHold
from domain.ledger.hold import HoldDraft
from entrypoints.container import Services
from tests.builders import credit, debit
from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem

WALLET = "users:42:wallet"
FLOOR = {"asset": "EUR", "minimum": "0.00", "maximum": None}


async def opened(tenant: Tenant, *limits: Json, path: str = WALLET) -> Json:
    body = {"path": path, "type": "liability", "limits": list(limits)}
    account: Json = document(await tenant.client.post(tenant.path("/accounts"), json=body), 201)
    return account


async def changed(tenant: Tenant, change: Json, path: str = WALLET) -> Any:
    return await tenant.client.patch(tenant.path(f"/accounts/{path}"), json=change, headers={"If-Match": "*"})


async def charted(tenant: Tenant, *limits: Json) -> None:
    rules = [{"pattern": "users:*:wallet", "type": "liability", "limits": list(limits)}]
    document(await tenant.client.put(tenant.path("/chart"), json={"rules": rules}, headers={"If-Match": "*"}))


def moved(amount: str, *, into: bool, asset: str = "EUR", path: str = WALLET) -> Json:
    """A transaction that brings an amount to the wallet, or takes it away."""
    sides = ("debit", "credit") if into else ("credit", "debit")
    accounts = zip(("assets:bank", path), sides, strict=True)
    entries = [{"account": each, "direction": side, "amount": amount, "asset": asset} for each, side in accounts]
    return {"entries": entries}


async def test_limits_are_set_at_the_opening_and_shown_with_their_assets_digits(tenant: Tenant) -> None:
    account = await opened(tenant, {"asset": "JPY", "maximum": "5000"}, {"asset": "EUR", "minimum": "-2.5"})
    limits = [
        {"asset": "EUR", "minimum": "-2.50", "maximum": None},
        {"asset": "JPY", "minimum": None, "maximum": "5000"},
    ]
    assert account["limits"] == limits
    shown = document(await tenant.get(f"/accounts/{WALLET}"))
    assert (shown["limits"], shown["limits_in_force"]) == (limits, limits)
    (listed,) = document(await tenant.get("/accounts"))["data"]
    assert listed["limits"] == limits
    events = document(await tenant.get("/events"))["data"]
    assert [each["type"] for each in events[1:]] == ["asset.registered", "asset.registered", "account.opened"]
    assert events[-1]["data"]["limits"] == limits


async def test_a_floor_refuses_what_goes_below_it_and_says_by_how_much(tenant: Tenant) -> None:
    await opened(tenant, {"asset": "EUR", "minimum": "5"})
    await tenant.posted(moved("20.00", into=True))
    told = problem(await tenant.post(moved("15.01", into=False)), 422, "insufficient-funds")
    facts = {"account": WALLET, "asset": "EUR", "limit": "5.00", "available": "20.00", "asked": "15.01"}
    assert {name: told[name] for name in facts} == facts
    assert blamed(told) == ["/entries/1/amount"]
    await tenant.posted(moved("15.00", into=False))


async def test_a_ceiling_refuses_what_goes_above_it(tenant: Tenant) -> None:
    await opened(tenant, {"asset": "EUR", "maximum": "100"})
    told = problem(await tenant.post(moved("100.01", into=True)), 422, "limit-exceeded")
    facts = {"account": WALLET, "asset": "EUR", "limit": "100.00", "available": "0.00", "asked": "100.01"}
    assert {name: told[name] for name in facts} == facts
    await tenant.posted(moved("100.00", into=True))


async def test_a_floor_raised_above_the_balance_refuses_only_what_makes_it_worse(tenant: Tenant) -> None:
    await opened(tenant)
    await tenant.posted(moved("10.00", into=True))
    document(await changed(tenant, {"limits": [{"asset": "EUR", "minimum": "50"}]}))
    problem(await tenant.post(moved("0.01", into=False)), 422, "insufficient-funds")
    await tenant.posted(moved("1.00", into=True))


async def test_a_change_replaces_all_limits_or_leaves_them(tenant: Tenant) -> None:
    await opened(tenant, {"asset": "EUR", "minimum": "0"}, {"asset": "USD", "minimum": "0"})
    path = f"/accounts/{WALLET}"
    left = document(await changed(tenant, {"metadata": {"a": "1"}}))
    assert [each["asset"] for each in left["limits"]] == ["EUR", "USD"]
    replaced = document(await changed(tenant, {"limits": [{"asset": "EUR", "minimum": "0"}]}))
    assert (replaced["limits"], replaced["metadata"], replaced["version"]) == ([FLOOR], {"a": "1"}, 3)
    head = await tenant.head()
    for nothing in ({}, {"limits": [{"asset": "EUR", "minimum": "0.00"}]}, {"metadata": {"a": "1"}}):
        assert document(await changed(tenant, nothing)) == replaced
    assert await tenant.head() == head
    both = document(await changed(tenant, {"limits": [], "metadata": {"a": None}}))
    assert (both["limits"], both["metadata"], both["version"]) == ([], {}, 4)
    assert document(await tenant.get(path)) == both


async def test_the_charts_limits_are_in_force_at_once_where_an_account_sets_none(tenant: Tenant) -> None:
    account = await opened(tenant, {"asset": "USD", "minimum": "-10"})
    await charted(tenant, {"asset": "EUR", "minimum": "0"}, {"asset": "USD", "minimum": "0"})
    shown = document(await tenant.get(f"/accounts/{WALLET}"))
    own = {"asset": "USD", "minimum": "-10.00", "maximum": None}
    assert (shown["limits"], shown["limits_in_force"]) == ([own], [FLOOR, own])
    assert shown["version"] == account["version"]
    problem(await tenant.post(moved("0.01", into=False)), 422, "insufficient-funds")
    await tenant.posted(moved("10.00", into=False, asset="USD"))
    await charted(tenant)
    assert document(await tenant.get(f"/accounts/{WALLET}"))["limits_in_force"] == [own]
    await tenant.posted(moved("0.01", into=False))


async def test_a_limit_without_bounds_lifts_that_of_the_chart(tenant: Tenant) -> None:
    await charted(tenant, {"asset": "EUR", "minimum": "0"})
    await opened(tenant, {"asset": "EUR"})
    shown = document(await tenant.get(f"/accounts/{WALLET}"))
    assert shown["limits"] == [{"asset": "EUR", "minimum": None, "maximum": None}]
    assert shown["limits_in_force"] == []
    await tenant.posted(moved("5.00", into=False))


@pytest.mark.parametrize(
    ("limits", "code", "pointer"),
    [
        ([{"asset": "EUR", "minimum": 5}], "amount-not-a-string", "/limits/0/minimum"),
        ([{"asset": "EUR", "maximum": 5.5}], "amount-not-a-string", "/limits/0/maximum"),
        ([{"asset": "EUR", "minimum": "0.001"}], "too-many-decimals", "/limits/0/minimum"),
        ([{"asset": "EUR", "minimum": "x"}], "validation-failed", "/limits/0/minimum"),
        ([{"asset": "EUR", "minimum": "2", "maximum": "1"}], "validation-failed", "/limits/0/minimum"),
        ([{"asset": "EUR"}, {"asset": "EUR"}], "validation-failed", "/limits/1/asset"),
        ([{"asset": "GOLD"}], "unknown-asset", "/limits/0/asset"),
        ([{"asset": "eur"}], "validation-failed", "/limits/0/asset"),
        ([{"minimum": "1"}], "validation-failed", "/limits/0/asset"),
        ([{"asset": "EUR", "floor": "1"}], "validation-failed", "/limits/0/floor"),
        ([{"asset": "EUR"}] * 101, "validation-failed", "/limits"),
        (None, "validation-failed", "/limits"),
    ],
)
async def test_limits_that_make_no_sense_are_refused(tenant: Tenant, limits: Any, code: str, pointer: str) -> None:
    body = {"path": WALLET, "type": "liability", "limits": limits}
    assert blamed(problem(await tenant.client.post(tenant.path("/accounts"), json=body), 422, code)) == [pointer]
    await opened(tenant)
    head = await tenant.head()
    assert blamed(problem(await changed(tenant, {"limits": limits}), 422, code)) == [pointer]
    assert await tenant.head() == head


async def test_a_limit_of_a_chart_that_is_a_number_is_told_like_any_amount(tenant: Tenant) -> None:
    rule = {"pattern": "users:*", "type": "liability", "limits": [{"asset": "EUR", "minimum": 0}]}
    response = await tenant.client.put(tenant.path("/chart"), json={"rules": [rule]}, headers={"If-Match": "*"})
    assert blamed(problem(response, 422, "amount-not-a-string")) == ["/rules/0/limits/0/minimum"]


async def test_a_limit_fixes_the_scale_of_its_asset(tenant: Tenant) -> None:
    await opened(tenant, {"asset": "EUR", "minimum": "0"})
    asset = await tenant.client.put(tenant.path("/assets/EUR"), json={"scale": 3}, headers={"If-Match": "*"})
    problem(asset, 409, "scale-fixed")


async def test_dry_runs_show_the_limits_that_would_be(tenant: Tenant) -> None:
    body = {"path": WALLET, "type": "liability", "limits": [{"asset": "EUR", "minimum": "0"}]}
    would_be = document(await tenant.client.post(tenant.path("/accounts?dry_run=true"), json=body))
    assert would_be["limits"] == [FLOOR]
    await opened(tenant)
    path = tenant.path(f"/accounts/{WALLET}?dry_run=true")
    would_be = document(await tenant.client.patch(path, json={"limits": [FLOOR]}, headers={"If-Match": "*"}))
    assert (would_be["limits"], would_be["limits_in_force"], would_be["version"]) == ([FLOOR], [FLOOR], 2)
    assert document(await tenant.get(f"/accounts/{WALLET}"))["limits"] == []


async def test_what_is_held_is_shown_and_not_available(tenant: Tenant, services: Services) -> None:
    await opened(tenant, {"asset": "EUR", "minimum": "0"})
    first = (await tenant.posted(moved("10.00", into=True)))["sequence"]

    async def hold(*entries: Any) -> int:
        command = PlaceHold(HoldDraft(services.ids.new("hold"), entries))
        outcome = await services.journal.submit(tenant.principal, "main", command, request_id="req_tests")
        assert outcome.sequence is not None
        return outcome.sequence

    placed = await hold(debit(WALLET, "4.00"), credit("assets:bank", "4.00"))
    await hold(debit("assets:bank", "1.50"), credit(WALLET, "1.50"))
    told = document(await tenant.get(f"/accounts/{WALLET}/balances"))["balances"]
    expected = {
        "asset": "EUR",
        "posted": "10.00",
        "available": "6.00",
        "posted_debits": "0.00",
        "posted_credits": "10.00",
        "held_debits": "4.00",
        "held_credits": "1.50",
        "balance_version": 1,
    }
    assert told == [expected]
    for sequence, held_debits, held_credits, available in (
        (first, "0.00", "0.00", "10.00"),
        (placed, "4.00", "0.00", "6.00"),
    ):
        (was,) = document(await tenant.get(f"/accounts/{WALLET}/balances?as_of_sequence={sequence}"))["balances"]
        held = {"held_debits": held_debits, "held_credits": held_credits}
        assert was == expected | held | {"available": available}
    # An asset grows by debits, so that held credits are what may be taken from it.
    (bank,) = document(await tenant.get("/accounts/assets:bank/balances"))["balances"]
    assert (bank["posted"], bank["available"], bank["held_debits"], bank["held_credits"]) == (
        "10.00",
        "6.00",
        "1.50",
        "4.00",
    )
    told = problem(await tenant.post(moved("6.01", into=False)), 422, "insufficient-funds")
    assert (told["available"], told["asked"], told["limit"]) == ("6.00", "6.01", "0.00")


async def test_an_account_with_holds_and_no_entries_has_balances(tenant: Tenant, services: Services) -> None:
    await opened(tenant)
    entries = (debit("assets:bank", "3", "JPY"), credit(WALLET, "3", "JPY"))
    command = PlaceHold(HoldDraft(services.ids.new("hold"), entries))
    await services.journal.submit(tenant.principal, "main", command, request_id="req_tests")
    await tenant.posted(moved("10.00", into=True, asset="USD"))
    jpy, usd = document(await tenant.get(f"/accounts/{WALLET}/balances"))["balances"]
    assert jpy == {
        "asset": "JPY",
        "posted": "0",
        "available": "0",
        "posted_debits": "0",
        "posted_credits": "0",
        "held_debits": "0",
        "held_credits": "3",
        "balance_version": 0,
    }
    assert (usd["asset"], usd["posted"], usd["held_credits"]) == ("USD", "10.00", "0.00")
    assert document(await tenant.get(f"/accounts/{WALLET}/balances?as_of_sequence=2"))["balances"] == []

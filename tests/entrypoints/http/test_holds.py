"""Holds: reserved, captured, released; what is refused, and how it is told."""

from typing import Any

import pytest

from application.ledger.ports import Command
from entrypoints.container import Services
from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem
from tests.entrypoints.http.wallets import (
    ANA,
    ARCHIVE_LEDGER,
    BEN,
    FREEZE_ANA,
    FREEZE_LEDGER,
    available,
    closing,
    do,
    entry,
    moved,
    open_wallets,
    place,
)

NOBODY = "hold_01kaqz0000e2wvqm1kz1n0v1xw"


@pytest.fixture(autouse=True)
async def wallets(tenant: Tenant, services: Services) -> None:
    await open_wallets(tenant, services)


async def capture(tenant: Tenant, hold: Json, status: int = 201, /, **asked: Any) -> Any:
    """Capture from the hold, and return the transaction."""
    return document(await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json=asked), status)


async def release(tenant: Tenant, hold: Json, **asked: Any) -> Any:
    return document(await tenant.client.post(tenant.path(f"/holds/{hold['id']}/release"), json=asked))


async def seen(tenant: Tenant, hold: Json) -> Any:
    return document(await tenant.get(f"/holds/{hold['id']}"))


def left(hold: Json) -> list[str]:
    return [each["left"] for each in hold["entries"]]


async def test_a_hold_is_placed_and_shown_as_it_was_answered(tenant: Tenant) -> None:
    asked = {
        "reference": "authorisation-7",
        "description": "Hotel",
        "expires_at": "2099-12-01T00:00:00Z",
        "entries": moved("60.00"),
        "metadata": {"room": "12"},
    }
    response = await tenant.client.post(tenant.path("/holds"), json=asked)
    placed = document(response, 201)
    assert response.headers["location"] == tenant.path(f"/holds/{placed['id']}")
    assert response.headers["partita-sequence"] == str(placed["sequence"]) == str(await tenant.head())
    assert placed["id"].startswith("hold_")
    assert placed["placed_at"].endswith("Z")
    assert {name: placed[name] for name in placed if name not in ("id", "sequence", "placed_at")} == {
        "status": "open",
        "reference": "authorisation-7",
        "description": "Hotel",
        "expires_at": "2099-12-01T00:00:00.000000Z",
        "closed_at": None,
        "metadata": {"room": "12"},
        "entries": [each | {"left": "60.00"} for each in moved("60.00")],
        "captures": [],
    }
    assert await seen(tenant, placed) == placed


async def test_what_is_held_is_not_available_and_not_posted(tenant: Tenant) -> None:
    await place(tenant, "60.00")
    assert await available(tenant) == "40.00"
    assert [await tenant.balance(account) for account in (ANA, BEN)] == ["100.00", "0.00"]
    told = problem(await tenant.post({"entries": moved("40.01")}), 422, "insufficient-funds")
    assert {name: told[name] for name in ("account", "asset", "available", "limit", "asked")} == {
        "account": ANA,
        "asset": "EUR",
        "available": "40.00",
        "limit": "0.00",
        "asked": "40.01",
    }
    refused = await tenant.client.post(tenant.path("/holds"), json={"entries": moved("40.01")})
    problem(refused, 422, "insufficient-funds")
    await place(tenant, "40.00")


async def test_a_hold_may_be_told_as_a_transfer_and_leave_amounts_to_the_books(tenant: Tenant) -> None:
    transfer = {"from": ANA, "to": BEN, "up_to": "500.00", "asset": "EUR"}
    placed = document(await tenant.client.post(tenant.path("/holds"), json=transfer), 201)
    assert [each["amount"] for each in placed["entries"]] == ["100.00", "100.00"]
    assert await available(tenant) == "0.00"


async def test_conditions_are_judged_of_a_hold_as_of_a_transaction(tenant: Tenant) -> None:
    asked = {"entries": [entry(ANA, "debit", "1.00") | {"balance_at_least": "100.01"}, entry(BEN, "credit", "1.00")]}
    problem(await tenant.client.post(tenant.path("/holds"), json=asked), 422, "condition-failed")
    based_on = await tenant.head()
    await place(tenant, "1.00", based_on=based_on)
    stale = {"entries": moved("1.00"), "based_on": based_on}
    problem(await tenant.client.post(tenant.path("/holds"), json=stale), 422, "condition-failed")


async def test_a_hold_is_captured_in_parts_until_nothing_is_left(tenant: Tenant) -> None:
    hold = await place(tenant, "60.00", description="Hotel")
    first = await capture(tenant, hold, entries=moved("25.00"), reference="night-1", metadata={"night": "1"})
    assert (first["hold"], first["reference"], first["description"]) == (hold["id"], "night-1", "Hotel")
    assert (first["reverses"], first["reversed_by"], first["metadata"]) == (None, [], {"night": "1"})
    assert [each["balance_after"] for each in first["entries"]] == ["75.00", "25.00"]
    after_first = await seen(tenant, hold)
    assert (after_first["status"], left(after_first)) == ("open", ["35.00", "35.00"])
    assert await available(tenant) == "40.00"
    second = await capture(tenant, hold, description="The rest")
    assert ([each["amount"] for each in second["entries"]], second["description"]) == (["35.00", "35.00"], "The rest")
    closed = await seen(tenant, hold)
    assert (closed["status"], left(closed), closed["closed_at"]) == (
        "captured",
        ["0.00", "0.00"],
        second["recorded_at"],
    )
    assert closed["captures"] == [first["id"], second["id"]]
    assert await available(tenant) == "40.00"
    stored = document(await tenant.get(f"/transactions/{first['id']}"))
    assert stored == first
    told = problem(await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json={}), 409, "hold-not-open")
    assert (told["hold"], told["hold_status"]) == (hold["id"], "captured")


async def test_a_final_capture_releases_what_it_leaves(tenant: Tenant) -> None:
    hold = await place(tenant, "60.00")
    await capture(tenant, hold, entries=moved("10.00"), final=True)
    closed = await seen(tenant, hold)
    assert (closed["status"], left(closed)) == ("captured", ["50.00", "50.00"])
    assert await available(tenant) == "90.00"


async def test_a_release_frees_all_that_is_left(tenant: Tenant) -> None:
    hold = await place(tenant, "60.00")
    transaction = await capture(tenant, hold, entries=moved("10.00"))
    released = await release(tenant, hold, reason="The guest left")
    assert (released["status"], left(released)) == ("released", ["50.00", "50.00"])
    assert released["captures"] == [transaction["id"]]
    assert await seen(tenant, hold) == released
    assert await available(tenant) == "90.00"
    last = document(await tenant.get("/events", params={"after": await tenant.head() - 1}))["data"][-1]
    assert (last["type"], last["data"]) == ("hold.released", {"id": hold["id"], "reason": "The guest left"})
    for rest in ("capture", "release"):
        refused = await tenant.client.post(tenant.path(f"/holds/{hold['id']}/{rest}"), json={})
        assert problem(refused, 409, "hold-not-open")["hold_status"] == "released"


@pytest.mark.parametrize(
    ("entries", "code", "facts"),
    [
        (moved("60.01"), "hold-exceeded", {"account": ANA, "asset": "EUR", "left": "60.00", "asked": "60.01"}),
        (
            [entry(BEN, "debit", "1.00"), entry(ANA, "credit", "1.00")],
            "hold-exceeded",
            {"account": BEN, "left": "0.00"},
        ),
        ([entry("users:cleo", "debit", "1.00"), entry(BEN, "credit", "1.00")], "hold-exceeded", {"left": "0.00"}),
        ([entry(ANA, "debit", "2.00"), entry(BEN, "credit", "1.00")], "unbalanced-transaction", {}),
        ([entry(ANA, "debit", "1.00", "CHF"), entry(BEN, "credit", "1.00", "CHF")], "validation-failed", {}),
        ([entry(ANA, "debit", "0.001"), entry(BEN, "credit", "0.001")], "too-many-decimals", {}),
        ([entry(ANA, "debit", "all"), entry(BEN, "credit", "rest")], "validation-failed", {}),
        ([], "validation-failed", {}),
    ],
)
async def test_a_capture_fits_what_is_left(tenant: Tenant, entries: list[Json], code: str, facts: Json) -> None:
    hold = await place(tenant, "60.00")
    response = await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json={"entries": entries})
    told = problem(response, 422, code)
    assert told | facts == told
    assert await seen(tenant, hold) == hold


@pytest.mark.parametrize(
    ("asked", "code", "pointer"),
    [
        ({"entries": moved("1.00"), "effective_at": "2026-01-01T00:00:00Z"}, "validation-failed", "/effective_at"),
        ({"entries": moved("1.00"), "expires_at": "2020-01-01T00:00:00Z"}, "validation-failed", "/expires_at"),
        ({"entries": moved("1.00"), "expires_at": "soon"}, "validation-failed", "/expires_at"),
        ({"entries": moved("1.00"), "expires_in_seconds": 5}, "validation-failed", "/expires_in_seconds"),
        ({}, "validation-failed", "/entries"),
        ({"entries": [entry(ANA, "debit", "1.00") | {"amount": 1}, entry(BEN, "credit", "1.00")]}, None, None),
        (
            {"entries": [entry(ANA, "debit", "2.00"), entry(BEN, "credit", "1.00")]},
            "unbalanced-transaction",
            "/entries",
        ),
        ({"entries": [entry("x", "debit", "1.00"), entry(BEN, "credit", "1.00")]}, "account-not-found", None),
    ],
)
async def test_what_cannot_be_held_is_refused_where_it_is_wrong(
    tenant: Tenant, asked: Json, code: str | None, pointer: str | None
) -> None:
    told = problem(await tenant.client.post(tenant.path("/holds"), json=asked), 422, code or "amount-not-a-string")
    assert blamed(told) == [pointer or ("/entries/0/account" if code else "/entries/0/amount")]


async def test_a_reference_is_of_one_hold_or_one_transaction(tenant: Tenant) -> None:
    hold = await place(tenant, "10.00", reference="r")
    again = {"entries": moved("1.00"), "reference": "r"}
    for refused in (
        await tenant.client.post(tenant.path("/holds"), json=again),
        await tenant.post(again),
        await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json={"reference": "r"}),
    ):
        assert problem(refused, 409, "duplicate-reference")["taken_by"] == "hold"


@pytest.mark.parametrize("rest", ["", "/capture", "/release"])
@pytest.mark.parametrize("id", [NOBODY, "hold_", "txn_01kaqz0000e2wvqm1kz1n0v1xw", "1", "%F0%9F%90%8E"])
async def test_a_hold_that_is_not_there_is_not_found(tenant: Tenant, rest: str, id: str) -> None:
    path = tenant.path(f"/holds/{id}{rest}")
    response = await (tenant.client.post(path, json={}) if rest else tenant.client.get(path))
    problem(response, 404, "not-found")


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ([FREEZE_ANA], "account-frozen"),
        ([FREEZE_LEDGER], "ledger-frozen"),
    ],
)
async def test_what_is_frozen_is_neither_held_nor_captured_and_may_be_released(
    tenant: Tenant, services: Services, commands: list[Command], code: str
) -> None:
    hold = await place(tenant)
    await do(tenant, services, *commands)
    problem(await tenant.client.post(tenant.path("/holds"), json={"entries": moved("1.00")}), 422, code)
    problem(await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json={}), 422, code)
    assert (await release(tenant, hold))["status"] == "released"


async def test_in_an_archived_ledger_nothing_is_held(tenant: Tenant, services: Services) -> None:
    await tenant.posted({"entries": [entry(ANA, "debit", "100.00"), entry("assets:bank", "credit", "100.00")]})
    await do(tenant, services, ARCHIVE_LEDGER)
    refused = await tenant.client.post(tenant.path("/holds"), json={"entries": moved("1.00")})
    problem(refused, 422, "ledger-archived")


async def test_a_capture_takes_effect_when_it_says_and_in_no_closed_period(tenant: Tenant, services: Services) -> None:
    hold = await place(tenant, "60.00")
    await do(tenant, services, closing(services))
    earlier = {"entries": moved("1.00"), "effective_at": "2025-12-31T23:59:59Z"}
    told = problem(
        await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json=earlier), 422, "period-closed"
    )
    assert blamed(told) == ["/effective_at"]
    late = await capture(tenant, hold, entries=moved("1.00"), effective_at="2026-01-01T00:00:00Z")
    assert late["effective_at"] == "2026-01-01T00:00:00.000000Z"
    future = {"effective_at": "2099-01-01T00:00:00Z"}
    refused = await tenant.client.post(tenant.path(f"/holds/{hold['id']}/capture"), json=future)
    problem(refused, 422, "effective-in-future")
    now = await capture(tenant, hold)
    assert now["effective_at"] == now["recorded_at"]


async def test_a_dry_run_of_each_says_what_it_would_come_to_and_changes_nothing(tenant: Tenant) -> None:
    hold = await place(tenant, "60.00")
    before = await tenant.head()
    dry = {"dry_run": "true"}
    response = await tenant.client.post(tenant.path("/holds"), json={"entries": moved("10.00")}, params=dry)
    would = document(response)
    assert (would["id"], would["sequence"], would["status"], left(would)) == (None, None, "open", ["10.00", "10.00"])
    assert "location" not in response.headers
    path = tenant.path(f"/holds/{hold['id']}")
    would = document(await tenant.client.post(f"{path}/capture", json={"entries": moved("5.00")}, params=dry))
    assert (would["id"], would["hold"], would["entries"][0]["balance_after"]) == (None, hold["id"], "95.00")
    would = document(await tenant.client.post(f"{path}/release", json={}, params=dry))
    assert (would["id"], would["status"], left(would)) == (hold["id"], "released", ["60.00", "60.00"])
    assert would["closed_at"] is not None
    problem(
        await tenant.client.post(f"{path}/capture", json={"entries": moved("61.00")}, params=dry), 422, "hold-exceeded"
    )
    assert await tenant.head() == before
    assert await seen(tenant, hold) == hold


async def test_a_retry_of_each_gets_the_first_answer_although_the_books_went_on(tenant: Tenant) -> None:
    def key(name: str) -> dict[str, str]:
        return {"Idempotency-Key": name}

    asked = {"entries": moved("60.00"), "metadata": {"a": "b"}}
    placed = document(await tenant.client.post(tenant.path("/holds"), json=asked, headers=key("p")), 201)
    path = tenant.path(f"/holds/{placed['id']}")
    part = {"entries": moved("20.00")}
    captured = document(await tenant.client.post(f"{path}/capture", json=part, headers=key("c")), 201)
    released = document(await tenant.client.post(f"{path}/release", json={}, headers=key("r")))
    for rest, body, first, status, name in (
        ("/holds", asked, placed, 201, "p"),
        (f"/holds/{placed['id']}/capture", part, captured, 201, "c"),
        (f"/holds/{placed['id']}/release", {}, released, 200, "r"),
    ):
        again = await tenant.client.post(tenant.path(rest), json=body, headers=key(name))
        assert document(again, status) == first
        assert again.headers["idempotency-replayed"] == "true"
    other = await tenant.client.post(f"{path}/release", json={"reason": "x"}, headers=key("r"))
    problem(other, 409, "idempotency-conflict")
    assert (await seen(tenant, placed))["captures"] == [captured["id"]]


async def test_several_holds_are_resolved_in_order_each_on_what_the_ones_before_it_leave(tenant: Tenant) -> None:
    first, second = await place(tenant, "60.00"), await place(tenant, "40.00")
    resolutions = [
        {"hold": first["id"], "action": "capture", "entries": moved("10.00"), "reference": "a"},
        {"hold": second["id"], "action": "release", "reason": "cancelled"},
        {"hold": first["id"], "action": "release"},
    ]
    asked = {"resolutions": resolutions}
    path = tenant.path("/holds/resolve")
    would = document(await tenant.client.post(path, json=asked, params={"dry_run": "true"}))["results"]
    assert (would[0]["transaction"]["id"], would[2]["hold"]["status"]) == (None, "released")
    assert left(would[2]["hold"]) == ["50.00", "50.00"]
    assert (await seen(tenant, first))["status"] == "open"

    response = await tenant.client.post(path, json=asked, headers={"Idempotency-Key": "k"})
    results = document(response)["results"]
    assert [(each["index"], each["action"]) for each in results] == [(0, "capture"), (1, "release"), (2, "release")]
    transaction = results[0]["transaction"]
    assert (transaction["hold"], transaction["reference"]) == (first["id"], "a")
    assert results[1]["hold"] == await seen(tenant, second)
    assert results[2]["hold"] == await seen(tenant, first)
    assert results[2]["hold"]["captures"] == [transaction["id"]]
    assert response.headers["partita-sequence"] == str(await tenant.head())
    assert await available(tenant) == "90.00"
    again = await tenant.client.post(path, json=asked, headers={"Idempotency-Key": "k"})
    assert document(again)["results"] == results
    assert again.headers["idempotency-replayed"] == "true"


async def test_resolutions_are_all_done_or_none_and_the_problem_names_those_to_blame(tenant: Tenant) -> None:
    hold = await place(tenant, "60.00")
    before = await tenant.head()
    resolutions = [
        {"hold": hold["id"], "action": "capture", "entries": moved("50.00")},
        {"hold": hold["id"], "action": "capture", "entries": moved("10.01")},
        {"hold": NOBODY, "action": "release"},
        {"hold": hold["id"], "action": "release"},
    ]
    response = await tenant.client.post(tenant.path("/holds/resolve"), json={"resolutions": resolutions})
    told = problem(response, 422, "hold-exceeded")
    assert blamed(told) == ["/resolutions/1/entries", "/resolutions/2/hold"]
    assert (told["left"], told["asked"]) == ("10.00", "10.01")
    assert await tenant.head() == before


@pytest.mark.parametrize("action", ["capture", "release"])
async def test_a_hold_that_the_body_names_and_is_not_there_is_no_wrong_url(tenant: Tenant, action: str) -> None:
    hold = await place(tenant, "60.00")
    resolutions = [{"hold": hold["id"], "action": "release"}, {"hold": NOBODY, "action": action}]
    response = await tenant.client.post(tenant.path("/holds/resolve"), json={"resolutions": resolutions})
    told = problem(response, 422, "not-found")
    assert blamed(told) == ["/resolutions/1/hold"]
    assert NOBODY in told["detail"]
    nowhere = await tenant.client.post("/v1/ledgers/nope/holds/resolve", json={"resolutions": resolutions})
    problem(nowhere, 404, "ledger-not-found")


@pytest.mark.parametrize(
    ("resolutions", "pointer"),
    [
        ([], "/resolutions"),
        ([{"hold": NOBODY, "action": "expire"}], "/resolutions/0/action"),
        ([{"hold": NOBODY, "action": 1}], "/resolutions/0/action"),
        ([{"hold": NOBODY}], "/resolutions/0/action"),
        ([{"action": "release"}], "/resolutions/0/hold"),
        ([{"hold": NOBODY, "action": "release"}, 5], "/resolutions/1"),
        ([{"hold": NOBODY, "action": "release", "final": True}], "/resolutions/0/final"),
        ([{"hold": NOBODY, "action": "capture", "reason": "x"}], "/resolutions/0/reason"),
        ([{"hold": NOBODY, "action": "release"}] * 1_001, "/resolutions"),
    ],
)
async def test_resolutions_that_cannot_be_read_are_refused_where_they_are_wrong(
    tenant: Tenant, resolutions: list[Any], pointer: str
) -> None:
    response = await tenant.client.post(tenant.path("/holds/resolve"), json={"resolutions": resolutions})
    assert blamed(problem(response, 422, "validation-failed")) == [pointer]


async def test_holds_are_listed_by_what_they_are(tenant: Tenant) -> None:
    holds = [await place(tenant, f"{number}.00", reference=f"h-{number}") for number in range(1, 6)]
    await capture(tenant, holds[0])
    await release(tenant, holds[1])
    other = {"entries": [entry(BEN, "debit", "1.00"), entry("income:fees", "credit", "1.00")]}
    fee = document(
        await tenant.client.post(tenant.path("/holds"), json=other | {"expires_at": "2099-01-01T00:00:00Z"}), 201
    )
    for query, expected in (
        ("", [5, 4, 3, 2, 1, 0]),
        ("?sort=sequence", [0, 1, 2, 3, 4, 5]),
        ("?sort=placed_at&limit=2", [0, 1]),
        ("?status=open", [5, 4, 3, 2]),
        ("?status[in]=captured,released", [1, 0]),
        ("?status=expired", []),
        (f"?account={ANA}", [4, 3, 2, 1, 0]),
        (f"?account={ANA}&status=open&sort=sequence", [2, 3, 4]),
        ("?account=income:*", [5]),
        ("?account=users:*&status=captured", [0]),
        ("?account=no:such", []),
        ("?reference=h-2", [1]),
        ("?reference[in]=h-2,h-4,x", [3, 1]),
        ("?expires_at[gt]=2030-01-01T00:00:00Z", [5]),
        ("?expires_at[gt]=2030-01-01T00:00:00Z&status=open", [5]),
        (f"?sequence[gt]={holds[3]['sequence']}", [5, 4]),
        (f"?placed_at[lte]={holds[0]['placed_at']}", [0]),
    ):
        page = document(await tenant.get(f"/holds{query}"))
        found = [each["id"] for each in page["data"]]
        assert found == [([*holds, fee][number])["id"] for number in expected], query
    whole = document(await tenant.get("/holds"))["data"]
    first = document(await tenant.get("/holds?limit=4"))
    second = document(await tenant.get(f"/holds?limit=4&cursor={first['next_cursor']}"))
    assert (first["data"] + second["data"], second["has_more"]) == (whole, False)
    assert whole[-1] == await seen(tenant, holds[0])


async def test_a_list_of_holds_knows_its_filters(tenant: Tenant) -> None:
    assert "status" in problem(await tenant.get("/holds?colour=red"), 400, "unknown-parameter")["detail"]
    assert "expired" in problem(await tenant.get("/holds?status=lost"), 422, "validation-failed")["detail"]


async def test_transactions_are_found_by_the_hold_that_they_captured(tenant: Tenant) -> None:
    hold, other = await place(tenant, "60.00"), await place(tenant, "40.00")
    captures = [await capture(tenant, hold, entries=moved(amount)) for amount in ("1.00", "2.00", "3.00")]
    await capture(tenant, other)
    for query, expected in (
        ("", captures[::-1]),
        ("&sort=sequence&limit=2", captures[:2]),
        ("&sort=-effective_at", captures[::-1]),
        (f"&account={BEN}&asset=EUR", captures[::-1]),
        (f"&sequence[gt]={captures[0]['sequence']}&sort=sequence", captures[1:]),
        ("&reference[exists]=true", []),
    ):
        assert document(await tenant.get(f"/transactions?hold={hold['id']}{query}"))["data"] == expected, query
    for id in (NOBODY, captures[0]["id"], "x"):
        assert document(await tenant.get(f"/transactions?hold={id}"))["data"] == []

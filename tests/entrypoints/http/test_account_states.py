"""Accounts that are frozen or archived: what they refuse, and how they come back."""

from typing import Any

import pytest
from httpx2 import Response

from application.ledger.place_hold import PlaceHold
from domain.ledger.hold import HoldDraft
from entrypoints.container import Services
from tests.builders import credit, debit
from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem, sale

BANK = "assets:bank"
WHY = {"reason": "Under review."}


async def act(
    tenant: Tenant, what: str, body: Json = WHY, *, path: str = BANK, query: str = "", **given: Any
) -> Response:
    return await tenant.client.post(tenant.path(f"/accounts/{path}/{what}{query}"), json=body, **given)


async def archive(
    tenant: Tenant, path: str = BANK, if_match: str | None = "*", query: str = "?reason=Closed."
) -> Response:
    headers = {} if if_match is None else {"If-Match": if_match}
    return await tenant.client.delete(tenant.path(f"/accounts/{path}{query}"), headers=headers)


def refund() -> Json:
    transaction = sale()
    for entry in transaction["entries"]:
        entry["direction"] = {"debit": "credit", "credit": "debit"}[entry["direction"]]
    return transaction


@pytest.fixture
async def emptied(tenant: Tenant) -> Tenant:
    """A ledger in which a sale was made and refunded: its accounts have entries, and nothing is on them."""
    await tenant.posted(sale())
    await tenant.posted(refund())
    return tenant


@pytest.mark.parametrize(
    ("directions", "refused", "taken"),
    [(["debit"], [sale], [refund]), (["credit"], [refund], [sale]), (None, [sale, refund], [])],
)
async def test_a_frozen_account_takes_no_entries_in_these_directions(
    emptied: Tenant, directions: list[str] | None, refused: list[Any], taken: list[Any]
) -> None:
    body = WHY if directions is None else WHY | {"directions": directions}
    frozen = await act(emptied, "freeze", body)
    account = document(frozen)
    assert account["frozen"] == (directions or ["credit", "debit"])
    assert (account["version"], frozen.headers["etag"]) == (2, '"2"')
    for transaction in refused:
        told = problem(await emptied.post(transaction()), 422, "account-frozen")
        assert (told["account"], blamed(told)) == (BANK, ["/entries/0/account"])
    for transaction in taken:
        await emptied.posted(transaction())
    assert document(await act(emptied, "unfreeze"))["frozen"] == []
    for transaction in (sale, refund):
        await emptied.posted(transaction())


async def test_directions_are_frozen_and_unfrozen_one_by_one(emptied: Tenant) -> None:
    for what, direction, left in (
        ("freeze", "debit", ["debit"]),
        ("freeze", "credit", ["credit", "debit"]),
        ("unfreeze", "debit", ["credit"]),
        ("unfreeze", "credit", []),
    ):
        assert document(await act(emptied, what, WHY | {"directions": [direction]}))["frozen"] == left


async def test_what_is_so_already_is_no_event(emptied: Tenant) -> None:
    head = await emptied.head()
    assert "partita-sequence" not in (await act(emptied, "unfreeze")).headers
    document(await act(emptied, "restore"))
    assert await emptied.head() == head
    document(await act(emptied, "freeze"))
    document(await act(emptied, "freeze"))
    assert await emptied.head() == head + 1
    document(await archive(emptied))
    document(await archive(emptied))
    assert await emptied.head() == head + 2


async def test_an_archived_account_is_hidden_takes_nothing_and_keeps_its_history(emptied: Tenant) -> None:
    before = document(await emptied.get(f"/accounts/{BANK}"))
    archived = await archive(emptied, if_match='"1"')
    account = document(archived)
    assert account == before | {"status": "archived", "version": 2}
    assert archived.headers["etag"] == '"2"'
    assert document(await emptied.get(f"/accounts/{BANK}")) == account
    assert len(document(await emptied.get(f"/accounts/{BANK}/entries"))["data"]) == 2
    for rest, paths in (
        ("/accounts", ["income:sales"]),
        ("/accounts?sort=-opened_at", ["income:sales"]),
        ("/accounts?status=open", ["income:sales"]),
        ("/accounts?status=archived", [BANK]),
        ("/accounts?status[in]=open,archived", [BANK, "income:sales"]),
        (f"/accounts?path={BANK}", []),
        (f"/accounts?path={BANK}&status=archived", [BANK]),
    ):
        assert [each["path"] for each in document(await emptied.get(rest))["data"]] == paths
    told = problem(await emptied.post(sale()), 422, "account-archived")
    assert (told["account"], blamed(told)) == (BANK, ["/entries/0/account"])
    opened = await emptied.client.post(emptied.path("/accounts"), json={"path": BANK, "type": "asset"})
    assert "restoring" in problem(opened, 409, "account-exists")["detail"]
    problem(await act(emptied, "freeze"), 422, "account-archived")
    change = await emptied.client.patch(
        emptied.path(f"/accounts/{BANK}"), json={"metadata": {"a": "1"}}, headers={"If-Match": "*"}
    )
    problem(change, 422, "account-archived")


async def test_a_restored_account_is_as_it_was(emptied: Tenant) -> None:
    frozen = document(await act(emptied, "freeze", WHY | {"directions": ["credit"]}))
    document(await archive(emptied))
    restored = document(await act(emptied, "restore"))
    assert restored == frozen | {"version": 4}
    assert BANK in [each["path"] for each in document(await emptied.get("/accounts"))["data"]]
    await emptied.posted(sale())


async def test_an_account_that_is_not_empty_stays(tenant: Tenant, services: Services) -> None:
    await tenant.posted(sale())
    told = problem(await archive(tenant), 409, "account-not-empty")
    facts = {"account": BANK, "asset": "EUR", "balance": "12.50", "held_debits": "0.00", "held_credits": "0.00"}
    assert {name: told[name] for name in facts} == facts
    await tenant.posted(refund())
    entries = (debit(BANK, "3.00"), credit("income:sales", "3.00"))
    command = PlaceHold(HoldDraft(services.ids.new("hold"), entries))
    await services.journal.submit(tenant.principal, "main", command, request_id="req_tests")
    told = problem(await archive(tenant), 409, "account-not-empty")
    assert (told["balance"], told["held_debits"], told["held_credits"]) == ("0.00", "3.00", "0.00")
    assert document(await tenant.get(f"/accounts/{BANK}"))["status"] == "open"


async def test_archiving_says_what_it_is_based_on_and_why(emptied: Tenant) -> None:
    head = await emptied.head()
    problem(await archive(emptied, if_match=None), 428, "precondition-required")
    problem(await archive(emptied, if_match='"2"'), 412, "version-conflict")
    for query in ("", "?reason=", "?reason=%20", "?reason=%00", f"?reason={'a' * 1001}"):
        problem(await archive(emptied, query=query), 422, "validation-failed")
    problem(await archive(emptied, query="?reason=a&why=b"), 400, "unknown-parameter")
    assert await emptied.head() == head
    # An entry is no change of the account's settings: an ETag of before it will do.
    document(await archive(emptied, if_match='"1"'))


@pytest.mark.parametrize("what", ["freeze", "unfreeze", "restore"])
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": None}, "/reason"),
        ({"reason": 1}, "/reason"),
        ({"reason": "a", "because": "b"}, "/because"),
        ({"reason": "a", "directions": ["both"]}, "/directions/0"),
        ({"reason": "a", "directions": []}, "/directions"),
        ({"reason": "a", "directions": "debit"}, "/directions"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(emptied: Tenant, what: str, body: Json, pointer: str) -> None:
    told = problem(await act(emptied, what, body), 422, "validation-failed")
    assert blamed(told) == (["/directions"] if what == "restore" and "directions" in body else [pointer])


async def test_every_change_needs_a_reason_that_can_be_kept(emptied: Tenant) -> None:
    for reason in ("", "  ", "a" * 1001):
        assert blamed(problem(await act(emptied, "freeze", {"reason": reason}), 422, "validation-failed")) == [
            "/reason"
        ]
    document(await act(emptied, "freeze"))
    problem(await act(emptied, "unfreeze", {"reason": ""}), 422, "validation-failed")
    document(await archive(emptied))
    problem(await act(emptied, "restore", {"reason": ""}), 422, "validation-failed")


async def test_the_log_tells_who_did_what_when_and_why(emptied: Tenant) -> None:
    head = await emptied.head()
    (key,) = document(await emptied.client.get("/v1/api-keys"))["data"]
    document(await act(emptied, "freeze", {"reason": "Stolen.", "directions": ["debit"]}))
    document(await act(emptied, "unfreeze", {"reason": "Found."}))
    document(await archive(emptied, query="?reason=Bank%20left."))
    document(await act(emptied, "restore", {"reason": "Bank came back."}, headers={"X-Request-Id": "req-of-mine"}))
    events = document(await emptied.get(f"/events?after={head}"))["data"]
    assert [(each["type"], each["data"]) for each in events] == [
        ("account.frozen", {"account": BANK, "directions": ["debit"], "reason": "Stolen."}),
        ("account.unfrozen", {"account": BANK, "directions": ["debit"], "reason": "Found."}),
        ("account.archived", {"account": BANK, "reason": "Bank left."}),
        ("account.restored", {"account": BANK, "reason": "Bank came back."}),
    ]
    assert {each["actor"] for each in events} == {key["id"]}
    assert events[-1]["request_id"] == "req-of-mine"
    assert [each["recorded_at"] for each in events] == sorted(each["recorded_at"] for each in events)


async def test_dry_runs_show_what_would_be_and_change_nothing(emptied: Tenant) -> None:
    head = await emptied.head()
    frozen = document(await act(emptied, "freeze", query="?dry_run=true"))
    assert (frozen["frozen"], frozen["version"]) == (["credit", "debit"], 2)
    archived = document(await archive(emptied, query="?reason=a&dry_run=true"))
    assert (archived["status"], archived["version"]) == ("archived", 2)
    assert await emptied.head() == head
    document(await act(emptied, "freeze"))
    assert document(await act(emptied, "unfreeze", query="?dry_run=true"))["frozen"] == []
    document(await archive(emptied))
    assert document(await act(emptied, "restore", query="?dry_run=true"))["status"] == "open"
    assert document(await emptied.get(f"/accounts/{BANK}"))["status"] == "archived"


@pytest.mark.parametrize("what", ["freeze", "unfreeze", "restore"])
async def test_a_key_does_it_once(emptied: Tenant, what: str) -> None:
    if what == "unfreeze":
        document(await act(emptied, "freeze"))
    if what == "restore":
        document(await archive(emptied))
    key = {"Idempotency-Key": "k"}
    first = await act(emptied, what, headers=key)
    head = await emptied.head()
    again = await act(emptied, what, headers=key)
    assert document(again) == document(first)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["partita-sequence"] == first.headers["partita-sequence"] == str(head)
    problem(await act(emptied, what, {"reason": "Another."}, headers=key), 409, "idempotency-conflict")
    # It is done once, although it could be done again by now.
    opposite = {"freeze": "unfreeze", "unfreeze": "freeze"}.get(what)
    document(await act(emptied, opposite) if opposite else await archive(emptied))
    head = await emptied.head()
    replayed = document(await act(emptied, what, headers=key))
    assert await emptied.head() == head
    assert replayed == document(await emptied.get(f"/accounts/{BANK}"))


@pytest.mark.parametrize("what", ["freeze", "unfreeze", "restore", "archive"])
async def test_an_account_that_is_not_there_is_not_found(tenant: Tenant, what: str) -> None:
    for path in ("assets:none", "assets::bank"):
        response = await archive(tenant, path) if what == "archive" else await act(tenant, what, path=path)
        problem(response, 404, "account-not-found")

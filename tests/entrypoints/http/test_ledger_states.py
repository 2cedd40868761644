"""Ledgers that are frozen or archived, and their time zones."""

from typing import Any

import pytest
from httpx2 import Response

from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem, sale

WHY = {"reason": "Audit."}


async def act(tenant: Tenant, what: str, body: Json = WHY, *, query: str = "", **given: Any) -> Response:
    return await tenant.client.post(tenant.path(f"/{what}{query}"), json=body, **given)


async def archive(tenant: Tenant, if_match: str | None = "*", query: str = "?reason=Sold.") -> Response:
    headers = {} if if_match is None else {"If-Match": if_match}
    return await tenant.client.delete(tenant.path(query), headers=headers)


async def listed(tenant: Tenant, query: str = "") -> list[str]:
    return [each["slug"] for each in document(await tenant.client.get(f"/v1/ledgers{query}"))["data"]]


async def test_a_frozen_ledger_takes_no_transactions_and_still_its_settings(tenant: Tenant) -> None:
    frozen = document(await act(tenant, "freeze"))
    assert (frozen["is_frozen"], frozen["status"], frozen["version"]) == (True, "open", 2)
    assert document(await tenant.get()) == frozen
    problem(await tenant.post(sale()), 422, "ledger-frozen")
    document(await tenant.client.post(tenant.path("/accounts"), json={"path": "assets:bank"}), 201)
    assert await listed(tenant) == ["main"]
    thawed = document(await act(tenant, "unfreeze"))
    assert (thawed["is_frozen"], thawed["version"]) == (False, 3)
    await tenant.posted(sale())


async def test_an_archived_ledger_is_hidden_and_can_only_be_read(tenant: Tenant) -> None:
    document(await tenant.client.post("/v1/ledgers", json={"slug": "other"}), 201)
    archived = await archive(tenant, '"1"')
    ledger = document(archived)
    assert (ledger["status"], ledger["version"], archived.headers["etag"]) == ("archived", 2, '"2"')
    assert document(await tenant.get()) == ledger
    assert await listed(tenant) == ["other"]
    assert await listed(tenant, "?status=archived") == ["main"]
    assert await listed(tenant, "?status[in]=open,archived") == ["main", "other"]
    assert await listed(tenant, "?status[in]=open,archived&sort=-slug") == ["other", "main"]
    document(await tenant.get("/events"))
    document(await tenant.get("/accounts"))
    for response in (
        await tenant.post(sale()),
        await tenant.client.post(tenant.path("/accounts"), json={"path": "assets:bank"}),
        await tenant.client.patch(tenant.path(), json={"name": "a"}, headers={"If-Match": "*"}),
        await tenant.client.put(tenant.path("/chart"), json={"rules": []}, headers={"If-Match": "*"}),
        await act(tenant, "freeze"),
        await tenant.client.post(tenant.path("/periods"), json={"until": "2026-01-01"}),
    ):
        problem(response, 422, "ledger-archived")
    problem(await tenant.client.post("/v1/ledgers", json={"slug": "main"}), 409, "ledger-exists")
    restored = document(await act(tenant, "restore"))
    assert (restored["status"], restored["version"]) == ("open", 3)
    assert await listed(tenant) == ["main", "other"]
    await tenant.posted(sale())


async def test_pages_of_ledgers_leave_out_archived_ones(tenant: Tenant) -> None:
    slugs = [f"ledger-{number}" for number in range(6)]
    for slug in slugs:
        document(await tenant.client.post("/v1/ledgers", json={"slug": slug}), 201)
    for slug in slugs[::2]:
        path = f"/v1/ledgers/{slug}?reason=a"
        document(await tenant.client.delete(path, headers={"If-Match": "*"}))
    for limit in (1, 2, 3, 4, 5):
        found: list[str] = []
        path = f"/v1/ledgers?limit={limit}"
        while True:
            page = document(await tenant.client.get(path))
            found += [each["slug"] for each in page["data"]]
            if not page["has_more"]:
                break
            path = f"/v1/ledgers?limit={limit}&cursor={page['next_cursor']}"
        assert found == ["ledger-1", "ledger-3", "ledger-5", "main"]


async def test_a_ledger_that_is_not_empty_stays(tenant: Tenant) -> None:
    await tenant.posted(sale())
    told = problem(await archive(tenant), 409, "ledger-not-empty")
    assert (told["asset"], told["balance"]) == ("EUR", "12.50")
    assert document(await tenant.get())["status"] == "open"


async def test_archiving_says_what_it_is_based_on_and_why(tenant: Tenant) -> None:
    problem(await archive(tenant, None), 428, "precondition-required")
    problem(await archive(tenant, '"2"'), 412, "version-conflict")
    for query in ("", "?reason=", "?reason=%00"):
        problem(await archive(tenant, query=query), 422, "validation-failed")
    assert await tenant.head() == 1


async def test_a_reason_is_asked_for(tenant: Tenant) -> None:
    for body in ({}, {"reason": ""}, {"reason": " "}):
        assert blamed(problem(await act(tenant, "freeze", body), 422, "validation-failed")) == ["/reason"]
    for what in ("unfreeze", "restore"):
        problem(await act(tenant, what, {}), 422, "validation-failed")


async def test_the_log_tells_who_did_what_and_why(tenant: Tenant) -> None:
    (key,) = document(await tenant.client.get("/v1/api-keys"))["data"]
    document(await act(tenant, "freeze", {"reason": "a"}))
    document(await act(tenant, "unfreeze", {"reason": "b"}))
    document(await archive(tenant, query="?reason=c"))
    document(await act(tenant, "restore", {"reason": "d"}))
    events = document(await tenant.get("/events?after=1"))["data"]
    assert [(each["type"], each["data"], each["actor"]) for each in events] == [
        ("ledger.frozen", {"reason": "a"}, key["id"]),
        ("ledger.unfrozen", {"reason": "b"}, key["id"]),
        ("ledger.archived", {"reason": "c"}, key["id"]),
        ("ledger.restored", {"reason": "d"}, key["id"]),
    ]


async def test_dry_runs_change_nothing_and_keys_do_it_once(tenant: Tenant) -> None:
    key = {"Idempotency-Key": "k"}
    assert document(await act(tenant, "freeze", query="?dry_run=true"))["is_frozen"] is True
    assert document(await archive(tenant, query="?reason=a&dry_run=true"))["status"] == "archived"
    assert await tenant.head() == 1
    first = document(await act(tenant, "freeze", headers=key))
    again = await act(tenant, "freeze", headers=key)
    assert (document(again), again.headers["idempotency-replayed"]) == (first, "true")
    problem(await act(tenant, "freeze", {"reason": "b"}, headers=key), 409, "idempotency-conflict")
    document(await act(tenant, "unfreeze"))
    document(await act(tenant, "freeze", headers=key))
    assert document(await tenant.get())["is_frozen"] is False


async def test_a_ledger_has_the_time_zone_that_it_is_created_with(tenant: Tenant) -> None:
    body = {"slug": "berlin", "time_zone": "Europe/Berlin"}
    would_be = document(await tenant.client.post("/v1/ledgers?dry_run=true", json=body))
    created = document(await tenant.client.post("/v1/ledgers", json=body), 201)
    assert would_be["time_zone"] == created["time_zone"] == "Europe/Berlin"
    assert document(await tenant.client.get("/v1/ledgers/berlin")) == created
    change = await tenant.client.patch("/v1/ledgers/berlin", json={"time_zone": "UTC"}, headers={"If-Match": "*"})
    assert blamed(problem(change, 422, "validation-failed")) == ["/time_zone"]


@pytest.mark.parametrize(
    "time_zone",
    ["Mars/Olympus", "europe/berlin", "", "+01:00", "localtime", "Factory", "../../etc/passwd", "posix/UTC", "a" * 900],
)
async def test_an_unknown_time_zone_is_refused_by_name(tenant: Tenant, time_zone: str) -> None:
    for query in ("", "?dry_run=true"):
        body = {"slug": "other", "time_zone": time_zone}
        told = problem(await tenant.client.post(f"/v1/ledgers{query}", json=body), 422, "validation-failed")
        assert time_zone[:80] in told["detail"]
        assert blamed(told) == ["/time_zone"]
        assert len(told["detail"]) < 250

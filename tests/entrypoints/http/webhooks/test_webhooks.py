"""Webhooks as their owners see them: made, listed, changed, deleted."""

from collections.abc import Mapping
from typing import Any

import pytest
from httpx2 import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem

URL = "https://example.com/hooks/a-secret-path"
ANY = {"If-Match": "*"}


async def made(tenant: Tenant, **given: Any) -> Json:
    hook: Json = document(await tenant.client.post("/v1/webhooks", json={"url": URL, **given}), 201)
    return hook


async def log(tenant: Tenant) -> list[Json]:
    """What the organisation's own log has of webhooks, oldest first."""
    shown = document(await tenant.client.get("/v1/audit-log?limit=100"))["data"]
    return [entry for entry in reversed(shown) if entry["type"].startswith("webhook.")]


async def with_scopes(tenant: Tenant, *scopes: str, **limits: Any) -> Mapping[str, str]:
    """The header of a key that may do so much."""
    asked = {"name": "some", "scopes": list(scopes), **limits}
    key = document(await tenant.client.post("/v1/api-keys", json=asked), 201)["key"]
    return {"Authorization": f"Bearer {key}"}


async def test_a_webhook_is_made_and_its_secret_shown_once(tenant: Tenant) -> None:
    wanted = {
        "description": "The warehouse",
        "ledgers": ["main", "eu-*"],
        "types": ["transaction.posted", "hold.placed"],
        "account": "users:*:**",
        "ordered": True,
    }
    response = await tenant.client.post("/v1/webhooks", json={"url": URL, **wanted})
    hook = document(response, 201)
    secret = hook.pop("secret")
    assert secret.startswith("whsec_")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["location"] == f"/v1/webhooks/{hook['id']}"
    rest = {"version": 1, "paused_at": None, "pause_reason": None, "failing_since": None}
    assert hook == {"id": hook["id"], "created_at": hook["created_at"], "url": URL, **wanted, **rest}
    shown = await tenant.client.get(f"/v1/webhooks/{hook['id']}")
    assert document(shown) == hook
    assert shown.headers["etag"].startswith('"1')
    assert document(await tenant.client.get("/v1/webhooks"))["data"] == [hook]


async def test_the_secret_is_stored_sealed_only(tenant: Tenant, owner: AsyncEngine) -> None:
    hook = await made(tenant)
    query = text("SELECT sealed, e::text AS all FROM webhook_endpoints AS e WHERE organisation_id = :id")
    async with owner.connect() as connection:
        row = (await connection.execute(query, {"id": tenant.organisation_id})).one()
    assert len(row.sealed) == 12 + 32 + 16  # a nonce, the secret encrypted, and what shows that it is whole
    assert hook["secret"].removeprefix("whsec_") not in row.all


async def test_the_same_request_again_makes_no_other_and_shows_no_secret(tenant: Tenant) -> None:
    again = {"Idempotency-Key": "1"}
    first = document(await tenant.client.post("/v1/webhooks", json={"url": URL}, headers=again), 201)
    response = await tenant.client.post("/v1/webhooks", json={"url": URL}, headers=again)
    second = document(response, 201)
    assert response.headers["idempotency-replayed"] == "true"
    assert (second["id"], "secret" in second) == (first["id"], False)
    other = await tenant.client.post("/v1/webhooks", json={"url": URL + "/b"}, headers=again)
    problem(other, 409, "idempotency-conflict")


async def test_a_webhook_is_changed_by_who_has_read_it(tenant: Tenant) -> None:
    hook = await made(tenant, ledgers=["main"])
    path = f"/v1/webhooks/{hook['id']}"
    changed = document(await tenant.client.patch(path, json={"ordered": True}, headers={"If-Match": '"1"'}))
    assert (changed["ordered"], changed["ledgers"], changed["url"], changed["version"]) == (True, ["main"], URL, 2)
    assert "secret" not in changed
    everywhere = document(await tenant.client.patch(path, json={"ledgers": None}, headers={"If-Match": '"2"'}))
    assert (everywhere["ledgers"], everywhere["version"]) == (None, 3)
    problem(
        await tenant.client.patch(path, json={"ordered": False}, headers={"If-Match": '"1"'}), 412, "version-conflict"
    )
    problem(await tenant.client.patch(path, json={"ordered": False}), 428, "precondition-required")
    same = document(await tenant.client.patch(path, json={"ordered": True}, headers=ANY))
    assert same == everywhere


async def test_a_deleted_webhook_is_gone(tenant: Tenant) -> None:
    hook = await made(tenant)
    path = f"/v1/webhooks/{hook['id']}"
    problem(await tenant.client.delete(path), 428, "precondition-required")
    assert (await tenant.client.delete(path, headers={"If-Match": '"1"'})).status_code == 204
    problem(await tenant.client.get(path), 404, "not-found")
    problem(await tenant.client.get(f"{path}/deliveries"), 404, "not-found")
    problem(await tenant.client.delete(path, headers=ANY), 404, "not-found")
    assert document(await tenant.client.get("/v1/webhooks"))["data"] == []


async def test_pages_of_webhooks_follow_each_other(tenant: Tenant) -> None:
    hooks = [(await made(tenant, description=str(number)))["id"] for number in range(3)]
    first = document(await tenant.client.get("/v1/webhooks?limit=2"))
    assert [hook["id"] for hook in first["data"]] == hooks[:2]
    rest = document(await tenant.client.get(f"/v1/webhooks?limit=2&cursor={first['next_cursor']}"))
    assert [hook["id"] for hook in rest["data"]] == hooks[2:]
    newest = document(await tenant.client.get("/v1/webhooks?sort=-id"))["data"]
    assert [hook["id"] for hook in newest] == hooks[::-1]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": "https://ada:secret@example.com"}, "/url"),
        ({"url": "ftp://example.com"}, "/url"),
        ({"types": ["transaction.posted", "ping"]}, "/types/1"),
        ({"ledgers": ["Main"]}, "/ledgers/0"),
        ({"ledgers": []}, "/ledgers"),
        ({"account": "a::b"}, "/account"),
        ({"account": 1}, "/account"),
        ({"description": "a" * 1_001}, "/description"),
        ({"ordered": "true"}, "/ordered"),
        ({"secret": "whsec_mine"}, "/secret"),
    ],
)
async def test_what_cannot_be_set_is_refused(tenant: Tenant, wrong: Json, pointer: str) -> None:
    told = problem(await tenant.client.post("/v1/webhooks", json={"url": URL, **wrong}), 422, "validation-failed")
    assert blamed(told) == [pointer]
    hook = await made(tenant)
    if "secret" not in wrong:
        patched = await tenant.client.patch(f"/v1/webhooks/{hook['id']}", json=wrong, headers=ANY)
        assert blamed(problem(patched, 422, "validation-failed")) == [pointer]


async def test_there_is_a_quota(tenant: Tenant) -> None:
    hooks = [await made(tenant) for _ in range(100)]
    told = problem(await tenant.client.post("/v1/webhooks", json={"url": URL}), 403, "quota-exceeded")
    assert (told["quota"], told["limit"]) == ("webhooks", "100")
    await tenant.client.delete(f"/v1/webhooks/{hooks[0]['id']}", headers=ANY)
    await made(tenant)


async def test_who_makes_one_must_be_able_to_see_what_it_gets(tenant: Tenant, client: AsyncClient) -> None:
    async def told(headers: Mapping[str, str], **given: Any) -> Json:
        response = await client.post("/v1/webhooks", json={"url": URL, **given}, headers=headers)
        return problem(response, 403, "permission-denied")

    no_events = await with_scopes(tenant, "webhooks:manage", "ledgers:read")
    assert (await told(no_events))["permission"] == "events:read"
    assert (await told(await with_scopes(tenant, "webhooks:read", "events:read")))["permission"] == "webhooks:manage"
    # `webhooks:manage` is of the whole organisation: a key that is limited to a ledger does not have it so.
    limited = await with_scopes(tenant, "webhooks:manage", "events:read", ledgers=["main"])
    assert (await told(limited, ledgers=["main"]))["permission"] == "webhooks:manage"
    both = await with_scopes(tenant, "webhooks:manage", "events:read")
    document(await client.post("/v1/webhooks", json={"url": URL}, headers=both), 201)


async def test_what_takes_the_sight_of_events_and_what_does_not(tenant: Tenant, client: AsyncClient) -> None:
    hook = await made(tenant)
    path = f"/v1/webhooks/{hook['id']}"
    blind = {**(await with_scopes(tenant, "webhooks:manage")), **ANY}
    for method, rest, body in (
        ("PATCH", "", {"url": "https://example.org"}),
        ("POST", "/rotate-secret", {}),
        ("POST", "/replay", {"ledger": "main", "after": 0}),
    ):
        told = problem(await client.request(method, path + rest, json=body, headers=blind), 403, "permission-denied")
        assert told["permission"] == "events:read"
    document(await client.post(f"{path}/pause", headers=blind))
    problem(await client.post(f"{path}/resume", headers=blind), 403, "permission-denied")
    assert (await client.delete(path, headers=blind)).status_code == 204


async def test_who_may_only_read_changes_nothing(tenant: Tenant, client: AsyncClient) -> None:
    hook = await made(tenant)
    path = f"/v1/webhooks/{hook['id']}"
    auditor = {**(await with_scopes(tenant, "auditor")), **ANY}
    document(await client.get(path, headers=auditor))
    document(await client.get(f"{path}/deliveries", headers=auditor))
    for method, rest, body in (
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("POST", "/rotate-secret", {}),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/replay", {"ledger": "main", "after": 0}),
        ("POST", "/test", None),
    ):
        told = problem(await client.request(method, path + rest, json=body, headers=auditor), 403, "permission-denied")
        assert told["permission"] == "webhooks:manage"
    operator = await with_scopes(tenant, "operator")
    problem(await client.get(path, headers=operator), 403, "permission-denied")


async def test_nothing_is_seen_of_another_organisation(tenant: Tenant, new_organisation: NewOrganisation) -> None:
    hook = await made(tenant)
    other = await new_organisation()
    problem(await other.client.get(f"/v1/webhooks/{hook['id']}"), 404, "not-found")
    problem(await other.client.post(f"/v1/webhooks/{hook['id']}/test"), 404, "not-found")
    assert document(await other.client.get("/v1/webhooks"))["data"] == []


async def test_all_that_is_done_stands_in_the_log_without_secrets(tenant: Tenant) -> None:
    hook = await made(tenant, types=["transaction.posted"])
    path = f"/v1/webhooks/{hook['id']}"
    await tenant.client.patch(path, json={"url": "https://example.org/other-secret", "types": []}, headers=ANY)
    rotated = document(await tenant.client.post(f"{path}/rotate-secret", json={"overlap_seconds": 60}))
    await tenant.client.post(f"{path}/pause")
    await tenant.client.post(f"{path}/resume")
    await tenant.client.post(f"{path}/replay", json={"ledger": "main", "after": 0})
    await tenant.client.delete(path, headers=ANY)
    events = await log(tenant)
    assert [event["type"].partition(".")[2] for event in events] == [
        "created",
        "changed",
        "secret_rotated",
        "paused",
        "resumed",
        "replayed",
        "deleted",
    ]
    assert all(event["actor"].startswith("key_") for event in events)
    entries = await tenant.client.get("/v1/audit-log?limit=100")
    for secret in ("a-secret-path", "other-secret", hook["secret"], rotated["secret"]):
        assert secret not in entries.text


async def test_the_secret_is_rotated_and_shown_once(tenant: Tenant) -> None:
    hook = await made(tenant)
    path = f"/v1/webhooks/{hook['id']}/rotate-secret"
    again = {"Idempotency-Key": "1"}
    rotated = document(await tenant.client.post(path, headers=again))
    assert (rotated["version"], rotated["secret"] != hook["secret"]) == (2, True)
    response = await tenant.client.post(path, headers=again)
    assert (document(response)["version"], "secret" in response.json()) == (2, False)
    wrong = await tenant.client.post(path, json={"overlap_seconds": 90 * 86_400 + 1})
    assert blamed(problem(wrong, 422, "validation-failed")) == ["/overlap_seconds"]


async def test_a_replay_is_of_a_ledger_that_is_there_and_that_the_webhook_is_about(tenant: Tenant) -> None:
    hook = await made(tenant, ledgers=["eu-*"])
    for slug in ("main", "eu-1", "nonsense"):
        response = await tenant.client.post(f"/v1/webhooks/{hook['id']}/replay", json={"ledger": slug, "after": 0})
        assert blamed(problem(response, 422, "not-found")) == ["/ledger"]
    wrong = await tenant.client.post(f"/v1/webhooks/{hook['id']}/replay", json={"ledger": "main", "after": -1})
    assert blamed(problem(wrong, 422, "validation-failed")) == ["/after"]

"""The audit log: who did what, when, from where, with which credential, before and after."""

import asyncio
import csv
import io
import json
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Message

from adapters.embedded import ServerUrls
from application.identity.erase_origins import erase_origins
from application.interchange import audit_lines
from application.ledger.verification import verify_organisation
from domain.shared.access import Permission
from entrypoints.container import Services, opened
from entrypoints.http import lasting
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.credentials import Limits, Maker, session_token
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

CLIENT = {"User-Agent": "ledger-tests/1.0", "X-Request-Id": "req-of-the-test"}


async def entries(client: AsyncClient, query: str = "") -> list[Json]:
    """All entries, page by page."""
    found: list[Json] = []
    path = f"/v1/audit-log?limit=500&{query}"
    while True:
        page = document(await client.get(path))
        found += page["data"]
        if not page["has_more"]:
            return found
        path = f"/v1/audit-log?limit=500&{query}&cursor={page['next_cursor']}"


async def key_of(tenant: Tenant) -> str:
    """The id of the tenant's only key."""
    (key,) = document(await tenant.client.get("/v1/api-keys"))["data"]
    return str(key["id"])


async def test_an_entry_tells_who_did_what_when_from_where_and_with_which_credential(tenant: Tenant) -> None:
    posted = await tenant.posted(sale(reference="order-1"), headers=CLIENT)
    entry = (await entries(tenant.client))[0]
    key = await key_of(tenant)
    (event,) = document(await tenant.get(f"/events?after={posted['sequence'] - 1}"))["data"]
    assert entry == {
        "at": posted["recorded_at"],
        "ledger": "main",
        "sequence": posted["sequence"],
        "id": event["id"],
        "type": "transaction.posted",
        "actor": key,
        "request_id": "req-of-the-test",
        "credential": key,
        "address": "127.0.0.1",
        "user_agent": "ledger-tests/1.0",
        "data": event["data"],
    }


async def test_identity_and_ledgers_are_one_log_the_newest_first(tenant: Tenant) -> None:
    await tenant.posted(sale())
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "second"}), 201)
    document(await tenant.client.post("/v1/ledgers", json={"slug": "other"}), 201)
    await tenant.client.delete(f"/v1/api-keys/{made['id']}")
    found = await entries(tenant.client)
    assert [(each["ledger"], each["type"]) for each in found] == [
        (None, "api_key.revoked"),
        ("other", "ledger.created"),
        (None, "ledger.added"),
        (None, "api_key.created"),
        ("main", "transaction.posted"),
        ("main", "account.opened"),
        ("main", "account.opened"),
        ("main", "asset.registered"),
        (None, "api_key.created"),
        ("main", "ledger.created"),
        (None, "ledger.added"),
        (None, "organisation.created"),
    ]
    assert [each["at"] for each in found] == sorted([each["at"] for each in found], reverse=True)


async def test_pages_of_every_size_give_all_of_it_once(tenant: Tenant) -> None:
    await tenant.bulk([sale() for _ in range(10)])
    document(await tenant.client.post("/v1/ledgers", json={"slug": "other"}), 201)
    whole = await entries(tenant.client)
    assert len(whole) == 19
    for limit in (1, 2, 7):
        paged: list[Json] = []
        response = await tenant.client.get(f"/v1/audit-log?limit={limit}")
        while True:
            page = document(response)
            paged += page["data"]
            assert len(page["data"]) <= limit
            if not page["has_more"]:
                assert "link" not in response.headers
                break
            link = response.headers["link"].removeprefix("<").partition(">")[0]
            response = await tenant.client.get(link)
        assert paged == whole


async def changed(tenant: Tenant, method: str, rest: str, body: Json) -> Any:
    """Change something, and return what the audit log says was before and after."""
    if method == "PATCH":
        response = await tenant.client.patch(tenant.path(rest), json=body, headers={"If-Match": "*"})
    else:
        response = await tenant.client.put(tenant.path(rest), json=body, headers={"If-Match": "*"})
    document(response)
    entry = (await entries(tenant.client))[0]
    return entry["type"], entry["before"], entry["after"]


async def test_changes_of_settings_tell_before_and_after(tenant: Tenant) -> None:
    posted = await tenant.posted(sale(metadata={"order": "1"}))
    assert await changed(tenant, "PATCH", f"/transactions/{posted['id']}", {"metadata": {"order": "2"}}) == (
        "transaction.changed",
        {"metadata": {"order": "1"}},
        {"metadata": {"order": "2"}},
    )
    limit = {"asset": "EUR", "minimum": "0.00", "maximum": None}
    assert await changed(tenant, "PATCH", "/accounts/assets:bank", {"limits": [{"asset": "EUR", "minimum": "0"}]}) == (
        "account.changed",
        {"metadata": {}},
        {"metadata": {}, "limits": [limit]},
    )
    assert await changed(tenant, "PATCH", "", {"name": "Books"}) == (
        "ledger.changed",
        {"name": "Main", "metadata": {}},
        {"name": "Books", "metadata": {}},
    )
    rule = {"pattern": "users:*", "type": "liability"}
    assert await changed(tenant, "PUT", "/chart", {"rules": [rule]}) == (
        "chart.set",
        {"rules": []},
        {"rules": [rule]},
    )
    document(await tenant.client.put(tenant.path("/assets/POINTS"), json={"scale": 0}))
    assert "before" not in (await entries(tenant.client))[0]
    assert await changed(tenant, "PUT", "/assets/POINTS", {"scale": 3}) == (
        "asset.registered",
        {"scale": 0},
        {"scale": 3},
    )
    verified = document(await tenant.client.post(tenant.path("/verification")))
    assert verified["valid"] is True


async def test_entries_are_filtered(tenant: Tenant) -> None:
    await tenant.posted(sale(), headers=CLIENT)
    document(await tenant.client.post("/v1/ledgers", json={"slug": "other"}), 201)
    whole = await entries(tenant.client)
    key = await key_of(tenant)
    middle = whole[4]["at"]
    for query, expected in (
        (f"actor={key}", [each for each in whole if each["actor"] == key]),
        (f"actor[in]={key},system:tests", whole),
        ("actor=usr_nobody", []),
        ("type=account.opened", [each for each in whole if each["type"] == "account.opened"]),
        (
            "type[in]=ledger.added,asset.registered",
            [each for each in whole if each["type"] in ("ledger.added", "asset.registered")],
        ),
        ("type[prefix]=account.", [each for each in whole if each["type"].startswith("account.")]),
        ("ledger=other", [each for each in whole if each["ledger"] == "other"]),
        ("ledger[in]=other,main", [each for each in whole if each["ledger"]]),
        ("ledger[exists]=true", [each for each in whole if each["ledger"]]),
        ("ledger[exists]=false", [each for each in whole if not each["ledger"]]),
        ("ledger=nowhere", []),
        ("request_id=req-of-the-test", [each for each in whole if each["request_id"] == "req-of-the-test"]),
        (f"at[gt]={middle}", [each for each in whole if each["at"] > middle]),
        (f"at[gte]={middle}", [each for each in whole if each["at"] >= middle]),
        (f"at[lt]={middle}", [each for each in whole if each["at"] < middle]),
        (f"at[lte]={middle}", [each for each in whole if each["at"] <= middle]),
        (f"at[gte]={middle}&at[lte]={middle}", [each for each in whole if each["at"] == middle]),
    ):
        assert await entries(tenant.client, query) == expected, query
        lines = await tenant.client.get(f"/v1/audit-log?{query}", headers={"Accept": "application/x-ndjson"})
        assert [json.loads(line) for line in lines.text.splitlines()] == expected, query
    problem(await tenant.client.get("/v1/audit-log?actor[prefix]=x"), 400, "unknown-parameter")
    problem(await tenant.client.get("/v1/audit-log?sort=at"), 400, "unknown-parameter")
    problem(await tenant.client.get("/v1/audit-log?at[gt]=yesterday"), 422, "validation-failed")


async def test_it_is_exported_as_csv_that_a_spreadsheet_takes_for_text(tenant: Tenant) -> None:
    headers = {"User-Agent": '=HYPERLINK("http://evil.test")', "X-Request-Id": "-cmd"}
    await tenant.posted(sale(description="=1+1"), headers=headers)
    response = await tenant.client.get("/v1/audit-log", headers={"Accept": "text/csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    whole = await entries(tenant.client)
    assert len(rows) == len(whole)
    assert rows[0]["user_agent"] == '\'=HYPERLINK("http://evil.test")'
    assert rows[0]["request_id"] == "'-cmd"
    assert json.loads(rows[0]["data"]) == whole[0]["data"]
    assert [row["ledger"] for row in rows] == [each["ledger"] or "" for each in whole]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


async def test_a_file_is_cut_off_where_its_reader_s_key_is_revoked(
    tenant: Tenant, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "CHECK_SECONDS", 0)
    monkeypatch.setattr(audit_lines, "_CHUNK_ENTRIES", 1)
    reader = {"name": "reader", "scopes": ["auditor"]}
    made = document(await tenant.client.post("/v1/api-keys", json=reader), 201)
    bodies: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            bodies.append(message["body"])
            assert message["more_body"], "it looks whole"
        if len(bodies) == 2:
            assert (await tenant.client.delete(f"/v1/api-keys/{made['id']}")).status_code == 204

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody asks any more")

    headers = {"authorization": f"Bearer {made['key']}", "accept": "application/x-ndjson", "host": "partita.test"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/v1/audit-log",
        "raw_path": b"/v1/audit-log",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("partita.test", 80),
    }
    with pytest.raises(Exception, match="response already started"):
        await app(scope, receive, send)
    assert [body.count(b"\n") for body in bodies] == [1, 1], "of four entries"


async def test_a_file_has_no_pages_and_no_other_form(tenant: Tenant) -> None:
    response = await tenant.client.get("/v1/audit-log?limit=1", headers={"Accept": "text/csv"})
    problem(response, 400, "unknown-parameter")
    problem(await tenant.client.get("/v1/audit-log", headers={"Accept": "image/png"}), 406, "not-acceptable")


async def test_a_bulk_leaves_where_it_came_from_for_each_of_its_events(tenant: Tenant) -> None:
    lines = b"".join(json.dumps(sale(reference=f"r-{number}")).encode() + b"\n" for number in range(300))
    await tenant.stream(lines, {"User-Agent": "bulk/1", "X-Request-Id": "req-bulk"})
    found = await entries(tenant.client, "request_id=req-bulk")
    assert len(found) == 303
    assert {(each["user_agent"], each["address"]) for each in found} == {("bulk/1", "127.0.0.1")}


async def test_who_posts_in_the_same_group_is_told_apart(tenant: Tenant) -> None:
    async def post(number: int) -> None:
        headers = {"User-Agent": f"agent/{number % 5}", "X-Request-Id": f"r{number}"}
        document(await tenant.post(sale(), headers=headers), 201)

    await asyncio.gather(*[post(number) for number in range(60)])
    found = await entries(tenant.client, "type=transaction.posted")
    assert len(found) == 60
    for each in found:
        assert each["user_agent"] == f"agent/{int(each['request_id'][1:]) % 5}"


async def test_a_long_user_agent_is_cut_and_a_missing_one_is_null(tenant: Tenant) -> None:
    await tenant.posted(sale(), headers={"User-Agent": "x" * 5_000})
    assert (await entries(tenant.client))[0]["user_agent"] == "x" * 200


@pytest.mark.parametrize(
    ("rights", "is_allowed"),
    [
        ({"scopes": ["audit-log:read"]}, True),
        ({"scopes": ["auditor"]}, True),
        ({"scopes": [each.value for each in Permission if each is not Permission.AUDIT_LOG_READ]}, False),
        ({"scopes": ["owner"], "ledgers": ["main"]}, False),
        ({"scopes": ["owner"], "accounts": ["**"]}, False),
    ],
    ids=["has it", "has it by a role", "has all others", "in a ledger", "on accounts"],
)
async def test_it_takes_the_permission_for_the_whole_organisation(
    tenant: Tenant, rights: Json, is_allowed: bool
) -> None:
    key = document(await tenant.client.post("/v1/api-keys", json={"name": "limited", **rights}), 201)["key"]
    for accept in ("application/json", "application/x-ndjson", "text/csv"):
        headers = {"Accept": accept, "Authorization": f"Bearer {key}"}
        response = await tenant.client.get("/v1/audit-log", headers=headers)
        if is_allowed:
            assert response.status_code == 200
        else:
            told = problem(response, 403, "permission-denied")
            assert told["permission"] == "audit-log:read"


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson", "text/csv"])
async def test_another_organisations_log_is_not_in_it(
    tenant: Tenant, new_organisation: NewOrganisation, accept: str
) -> None:
    other = await new_organisation()
    await other.posted(sale(description="of the other one"))
    mine = await tenant.client.get("/v1/audit-log", headers={"Accept": accept})
    assert mine.status_code == 200
    assert "of the other one" not in mine.text


async def test_what_came_from_no_request_has_no_origin(tenant: Tenant) -> None:
    (first,) = await entries(tenant.client, "type=organisation.created")
    assert (first["actor"], first["credential"], first["address"]) == ("system:tests", None, None)


async def test_where_someone_acted_from_can_be_erased_and_the_chains_hold(
    tenant: Tenant, services: Services, settings: Settings, postgres_url: str, redis_url: str
) -> None:
    await tenant.posted(sale(), headers=CLIENT)
    second = document(await tenant.client.post("/v1/api-keys", json={"name": "second"}, headers=CLIENT), 201)
    by_second = {"Authorization": f"Bearer {second['key']}", "User-Agent": "second/2"}
    document(await tenant.post(sale(), headers=by_second), 201)
    before = await entries(tenant.client)
    first = before[-1]["actor"]
    key = next(each["actor"] for each in before if each["user_agent"] == "ledger-tests/1.0")
    async with opened(settings, ServerUrls(postgres_url, redis_url)) as container:
        work, clock, ids = container.origin_work(), services.clock, services.ids
        assert await erase_origins(work, clock, ids, tenant.principal, key, request_id="req_erase") == 2
        assert await erase_origins(work, clock, ids, tenant.principal, key, request_id="req_again") == 0
    latest, *after = await entries(tenant.client)
    assert (latest["type"], latest["data"]) == ("origins.erased", {"actor": key})
    nowhere = {"credential": None, "address": None, "user_agent": None}
    assert after == [each | nowhere if each["actor"] == key else each for each in before]
    assert after[0]["user_agent"] == "second/2"
    assert first == "system:tests"
    assert document(await tenant.client.post(tenant.path("/verification")))["valid"] is True
    assert (await verify_organisation(services.ledgers, tenant.principal)).valid is True


async def test_what_a_person_does_by_itself_tells_where_it_came_from(
    tenant: Tenant, services: Services, app: FastAPI, owner: AsyncEngine
) -> None:
    token = await session_token(Maker(services, owner, tenant.organisation_id), Limits("accountant"))
    async with connected(app, token) as client:
        assert (await client.delete("/v1/members/me", headers=CLIENT)).status_code == 204
    (left,) = await entries(tenant.client, "type=member.left")
    assert left["actor"] == left["data"]["id"]
    assert left["before"] == {"assignments": left["data"]["before"]["assignments"]}
    assert "after" not in left
    assert left["credential"].startswith("ses_")
    assert (left["address"], left["user_agent"]) == ("127.0.0.1", "ledger-tests/1.0")

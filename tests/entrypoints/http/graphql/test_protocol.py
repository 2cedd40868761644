"""GraphQL over HTTP: which requests are taken, and how they are answered."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from httpx2 import AsyncClient

from entrypoints.container import Services
from entrypoints.http.app import create_app
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.graphql.asked import checked_error, sent
from tests.entrypoints.http.tenant import Json, Tenant, document, problem

SLUG = '{ ledger(slug: "main") { slug } }'
ANSWER = {"data": {"ledger": {"slug": "main"}}}
RESPONSE_JSON = "application/graphql-response+json"
POST = (
    'mutation { postTransaction(ledger: "main", input: {from: "a", to: "b", amount: "1", asset: "EUR"}) { sequence } }'
)


async def test_who_is_nobody_is_told_so_as_anywhere(client: AsyncClient) -> None:
    problem(await sent(client, SLUG), 401, "not-authenticated")
    problem(await client.get("/graphql", params={"query": SLUG}), 401, "not-authenticated")
    problem(await sent(client, SLUG, headers={"Authorization": "Bearer ptk_1_x"}), 401, "not-authenticated")


async def test_it_is_asked_by_post_or_get_and_counted_as_a_request(tenant: Tenant) -> None:
    response = await sent(tenant.client, SLUG)
    assert document(response) == ANSWER
    assert response.headers["cache-control"] == "no-store"
    assert "ratelimit" in response.headers
    query = "query ($slug: String!) { ledger(slug: $slug) { slug } } query other { ledgers { nodes { slug } } }"
    named = {
        "query": query.replace("query (", "query mine ("),
        "operationName": "mine",
        "variables": '{"slug": "main"}',
    }
    assert document(await tenant.client.get("/graphql", params=named)) == ANSWER


async def test_a_get_changes_nothing(tenant: Tenant) -> None:
    told = checked_error(document(await tenant.client.get("/graphql", params={"query": POST})), 400, "invalid-query")
    assert "POST" in told["detail"]
    assert await tenant.head() == 1


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "x/json"]
)
async def test_no_form_of_a_page_can_send_an_operation(tenant: Tenant, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    body = json.dumps({"query": POST}).encode()
    problem(await tenant.client.post("/graphql", content=body, headers=headers), 415, "unsupported-media-type")
    assert await tenant.head() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed-json"),
        (b'[{"query": "{ ledgers { nodes { slug } } }"}]', 422, "validation-failed"),
        (b'{"query": 1}', 422, "validation-failed"),
        (b'{"query": "{ ledgers { nodes { slug } } }", "more": 1}', 422, "validation-failed"),
        (b'{"query": "{ ledgers { nodes { slug } } }", "variables": []}', 422, "validation-failed"),
        (b'{"query": "%s"}' % (b"x" * 5_000_000), 413, "payload-too-large"),
    ],
)
async def test_what_is_no_operation_is_refused_as_any_body(tenant: Tenant, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    problem(await tenant.client.post("/graphql", content=body, headers=headers), status, code)


async def test_other_methods_and_parameters_are_not_known(tenant: Tenant) -> None:
    problem(await tenant.client.put("/graphql", json={"query": SLUG}), 405, "method-not-allowed")
    problem(await tenant.client.post("/graphql?dry_run=true", json={"query": POST}), 400, "unknown-parameter")
    problem(await tenant.client.get("/graphql", params={"query": SLUG, "dry_run": "true"}), 400, "unknown-parameter")


async def test_the_status_tells_where_the_client_knows_the_media_type(tenant: Tenant) -> None:
    accepting = {"Accept": RESPONSE_JSON}
    good = await sent(tenant.client, SLUG, headers=accepting)
    assert (good.status_code, good.headers["content-type"], good.json()) == (200, RESPONSE_JSON, ANSWER)
    for query in ("{", "{ nothing }", 'subscription { events(ledger: "main") { through } }', ""):
        bad = await sent(tenant.client, query, headers=accepting)
        assert bad.status_code == 400, query
        assert "data" not in bad.json()
        checked_error(bad.json(), 400, "invalid-query")
        assert (await sent(tenant.client, query)).status_code == 200
    partly = await sent(tenant.client, '{ ledger(slug: "no") { slug } }', headers=accepting)
    assert (partly.status_code, partly.json()["data"]) == (200, {"ledger": None})
    problem(await sent(tenant.client, SLUG, headers={"Accept": "text/html"}), 406, "not-acceptable")


async def test_operations_are_named_where_there_are_several(tenant: Tenant) -> None:
    several = {"query": f"query a {SLUG} query b {SLUG}"}
    checked_error(document(await tenant.client.post("/graphql", json=several)), 400, "invalid-query")
    named = {**several, "operationName": "c"}
    checked_error(document(await tenant.client.post("/graphql", json=named)), 400, "invalid-query")
    assert document(await tenant.client.post("/graphql", json={**several, "operationName": "b"})) == ANSWER


async def test_a_query_is_kept_and_asked_for_by_its_hash(tenant: Tenant, new_organisation: Any) -> None:
    digest = hashlib.sha256(SLUG.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    by_hash = {"extensions": extensions}
    told = checked_error(document(await tenant.client.post("/graphql", json=by_hash)), 400, "persisted-query-not-found")
    assert told["detail"].startswith("PersistedQueryNotFound")
    assert document(await tenant.client.post("/graphql", json={"query": SLUG, **by_hash})) == ANSWER
    assert document(await tenant.client.post("/graphql", json=by_hash)) == ANSWER
    assert document(await tenant.client.get("/graphql", params={"extensions": json.dumps(extensions)})) == ANSWER
    # Another organisation is not told what this one asks.
    other = await new_organisation()
    answer = document(await other.client.post("/graphql", json=by_hash))
    checked_error(answer, 400, "persisted-query-not-found")
    wrong: Json = {"query": "{ ledgers { nodes { slug } } }", **by_hash}
    problem(await tenant.client.post("/graphql", json=wrong), 422, "validation-failed")
    unknown = {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": digest}}}
    problem(await tenant.client.post("/graphql", json=unknown), 422, "validation-failed")


async def test_a_bug_tells_nothing_of_itself(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a secret of the server")

    monkeypatch.setattr("entrypoints.http.graphql.queries.ledger_document", broken)
    response = await sent(tenant.client, SLUG)
    checked_error(document(response), 500, "internal-error")
    assert "secret" not in response.text
    assert "ZeroDivision" not in response.text
    assert "a secret of the server" in caplog.text


async def test_introspection_and_suggestions_are_off_where_the_settings_say_so(
    services: Services, tenant: Tenant
) -> None:
    closed = replace(services, settings=services.settings.model_copy(update={"graphql_introspection": False}))
    suggested = document(await sent(tenant.client, '{ ledger(slug: "main") { slgu } }'))
    assert "Did you mean 'slug'" in suggested["errors"][0]["message"]
    async with connected(create_app(closed), tenant.key) as client:
        assert document(await sent(client, SLUG)) == ANSWER
        for error in document(await sent(client, "{ __schema { types { name } } }"))["errors"]:
            assert error["extensions"]["code"] == "invalid-query"
            assert "introspection" in error["message"]
        told = checked_error(document(await sent(client, '{ ledger(slug: "main") { slgu } }')), 400, "invalid-query")
        assert "slug" not in told["detail"]

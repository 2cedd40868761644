"""What all changes have in common: optimistic locking, dry runs, and parameters that are never ignored."""

from typing import Any

import pytest
from httpx2 import Response

from tests.entrypoints.http.tenant import NDJSON, Json, Tenant, document, problem, sale

# Each kind of resource that can be changed, with a change; `{id}` is a transaction's.
CHANGES: list[tuple[str, str, Json]] = [
    ("PATCH", "", {"name": "Other books"}),
    ("PATCH", "", {"metadata": {"a": "1"}}),
    ("PATCH", "/accounts/assets:bank", {"metadata": {"a": "1"}}),
    ("PATCH", "/accounts/assets:bank", {"limits": [{"asset": "EUR", "minimum": "0"}]}),
    ("PATCH", "/transactions/{id}", {"metadata": {"a": "1"}}),
    ("PUT", "/chart", {"rules": [{"pattern": "users:*", "type": "liability"}]}),
    ("PUT", "/assets/POINTS", {"scale": 3}),
]
EVERY_CHANGE = pytest.mark.parametrize(
    ("method", "rest", "change"), CHANGES, ids=[f"{method} {rest} {next(iter(body))}" for method, rest, body in CHANGES]
)
CREATIONS: list[tuple[str, str, Any]] = [
    ("POST", "/transactions", sale()),
    ("POST", "/transactions/bulk", {"transactions": [sale(), sale()]}),
    ("POST", "/transactions/bulk", {"transactions": [sale(), sale()], "atomic": True}),
    ("POST", "/accounts", {"path": "users:1", "type": "liability"}),
    ("PUT", "/assets/MILES", {"scale": 0}),
]
EVERY_CREATION = pytest.mark.parametrize(
    ("method", "rest", "body"), CREATIONS, ids=[f"{method} {rest} {len(body)}" for method, rest, body in CREATIONS]
)


@pytest.fixture
async def posted(tenant: Tenant) -> Json:
    document(await tenant.client.put(tenant.path("/assets/POINTS"), json={"scale": 2}))
    return await tenant.posted(sale())


async def ask(tenant: Tenant, method: str, rest: str, body: Any, if_match: str | None, query: str = "") -> Response:
    headers = {} if if_match is None else {b"If-Match": if_match.encode()}
    return await tenant.client.request(method, tenant.path(rest + query), json=body, headers=headers)


@EVERY_CHANGE
async def test_a_change_must_say_what_it_is_based_on(
    tenant: Tenant, posted: Json, method: str, rest: str, change: Json
) -> None:
    rest = rest.format(id=posted["id"])
    told = problem(await ask(tenant, method, rest, change, None), 428, "precondition-required")
    assert "If-Match" in told["detail"]
    assert await tenant.head() == posted["sequence"]


@EVERY_CHANGE
@pytest.mark.parametrize(
    "if_match", ['"2"', '"0"', '"x"', "1", 'W/"1"', '"1", "2"', "", '"999999999999999999999"', '"１"']
)
async def test_a_change_based_on_another_version_is_refused(
    tenant: Tenant, posted: Json, method: str, rest: str, change: Json, if_match: str
) -> None:
    rest = rest.format(id=posted["id"])
    problem(await ask(tenant, method, rest, change, if_match), 412, "version-conflict")
    assert await tenant.head() == posted["sequence"]


@EVERY_CHANGE
async def test_a_change_based_on_the_version_is_made_once(
    tenant: Tenant, posted: Json, method: str, rest: str, change: Json
) -> None:
    rest = rest.format(id=posted["id"])
    before = await tenant.get(rest)
    assert before.headers["etag"].startswith('"1.')
    changed = await ask(tenant, method, rest, change, before.headers["etag"])
    assert document(changed)["version"] == 2
    assert changed.headers["etag"] == '"2"'
    assert changed.headers["partita-sequence"] == str(posted["sequence"] + 1)
    now = await tenant.get(rest)
    assert now.headers["etag"].startswith('"2.')
    assert now.json() == changed.json()
    problem(await ask(tenant, method, rest, change, before.headers["etag"]), 412, "version-conflict")


@EVERY_CHANGE
async def test_any_version_will_do_for_an_asterisk(
    tenant: Tenant, posted: Json, method: str, rest: str, change: Json
) -> None:
    rest = rest.format(id=posted["id"])
    assert document(await ask(tenant, method, rest, change, "*"))["version"] == 2


@EVERY_CHANGE
async def test_a_dry_run_of_a_change_answers_and_changes_nothing(
    tenant: Tenant, posted: Json, method: str, rest: str, change: Json
) -> None:
    rest = rest.format(id=posted["id"])
    before = document(await tenant.get(rest))
    would_be = await ask(tenant, method, rest, change, '"1"', "?dry_run=true")
    assert "partita-sequence" not in would_be.headers
    assert document(await tenant.get(rest)) == before
    assert await tenant.head() == posted["sequence"]
    problem(await ask(tenant, method, rest, change, '"2"', "?dry_run=true"), 412, "version-conflict")
    changed = document(await ask(tenant, method, rest, change, '"1"'))
    assert document(would_be) | {"sequence": None} == changed | {"sequence": None}


async def test_registering_over_an_asset_that_is_not_there_is_refused(tenant: Tenant) -> None:
    problem(await ask(tenant, "PUT", "/assets/MILES", {"scale": 0}, "*"), 412, "version-conflict")


@EVERY_CREATION
async def test_a_dry_run_answers_what_would_be_and_changes_nothing(
    tenant: Tenant, method: str, rest: str, body: Any
) -> None:
    would_be = await tenant.client.request(method, tenant.path(rest) + "?dry_run=true", json=body)
    answered = document(would_be)
    for header in ("location", "partita-sequence", "idempotency-replayed"):
        assert header not in would_be.headers
    assert await tenant.head() == 1
    done = await tenant.client.request(method, tenant.path(rest), json=body)
    assert done.status_code in (200, 201)
    if rest == "/transactions":
        assert (answered["id"], answered["sequence"]) == (None, None)
        assert timeless(answered) == timeless(done.json())
    elif rest.endswith("/bulk"):
        results = answered["results"]
        assert [each["status"] for each in results] == [200, 200]
        assert all(each["transaction"]["id"] is each["transaction"]["sequence"] is None for each in results)
        balances = [each["transaction"]["entries"][0]["balance_after"] for each in results]
        # All or none are tried one upon the other; each by itself, upon the books as they are.
        assert balances == (["12.50", "25.00"] if body.get("atomic") else ["12.50", "12.50"])
    else:
        assert timeless(answered) == timeless(done.json())


def timeless(told: Json) -> Json:
    return {
        name: value
        for name, value in told.items()
        if name not in ("id", "sequence", "effective_at", "recorded_at", "opened_at")
    }


async def test_a_dry_run_of_a_stream_answers_each_line_and_changes_nothing(tenant: Tenant) -> None:
    line = b'{"entries": [{"account": "assets:bank", "direction": "debit", "amount": "1.00", "asset": "EUR"}]}\n'
    response = await tenant.client.post(
        tenant.path("/transactions/bulk?dry_run=true"),
        content=line + line.replace(b"]", line[12:-3].replace(b"debit", b"credit") + b"]") + b"x\n",
        headers={"Content-Type": NDJSON},
    )
    assert [line[:20] for line in response.text.splitlines()] == [
        '{"index":0,"status":',
        '{"index":1,"status":',
        '{"index":2,"status":',
    ]
    assert await tenant.head() == 1


async def test_a_dry_run_of_a_ledger_creates_none(tenant: Tenant) -> None:
    would_be = document(await tenant.client.post("/v1/ledgers?dry_run=true", json={"slug": "other", "name": "Other"}))
    assert would_be["sequence"] is None
    problem(await tenant.client.get("/v1/ledgers/other"), 404, "ledger-not-found")
    problem(await tenant.client.post("/v1/ledgers?dry_run=true", json={"slug": "main"}), 409, "ledger-exists")
    created = document(await tenant.client.post("/v1/ledgers", json={"slug": "other", "name": "Other"}), 201)
    assert created | {"sequence": None, "created_at": None} == would_be | {"created_at": None}


@EVERY_CREATION
async def test_a_dry_run_uses_no_idempotency_key(tenant: Tenant, method: str, rest: str, body: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    for query in ("?dry_run=true", "?dry_run=true", "?dry_run=false"):
        response = await tenant.client.request(method, tenant.path(rest) + query, json=body, headers=headers)
        assert response.status_code in (200, 201), response.text
        assert "idempotency-replayed" not in response.headers


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("dry_run=1", 422, "validation-failed"),
        ("dry_run=yes", 422, "validation-failed"),
        ("dry_run=True", 422, "validation-failed"),
        ("dry_run=", 422, "validation-failed"),
        ("dry_run=%00", 422, "validation-failed"),
        ("dry_run", 422, "validation-failed"),
        ("dryrun=true", 400, "unknown-parameter"),
        ("dry-run=true", 400, "unknown-parameter"),
        ("DRY_RUN=true", 400, "unknown-parameter"),
        ("dry_run=true&dry_run=false", 400, "unknown-parameter"),
        ("atomic=true", 400, "unknown-parameter"),
    ],
)
async def test_a_dry_run_that_is_misspelt_changes_nothing(
    tenant: Tenant, posted: Json, query: str, status: int, code: str
) -> None:
    head = await tenant.head()
    for method, rest, body in [*CREATIONS, *CHANGES]:
        response = await ask(
            tenant,
            method,
            rest.format(id=posted["id"]),
            body,
            "*" if rest != "/assets/MILES" else None,
            f"?{query}",
        )
        if query == "dry_run":  # a name without a value says nothing, and is no value
            assert response.status_code < 500
            continue
        told = problem(response, status, code)
        assert "dry_run" in told["detail"], told
    if query != "dry_run":
        assert await tenant.head() == head
    response = await tenant.client.post(f"/v1/ledgers?{query}", json={"slug": "other"})
    if query != "dry_run":
        problem(response, status, code)

"""Bad input gets a problem that says what to do, and changes nothing."""

import json
from collections.abc import AsyncIterator

import pytest
from httpx2 import Response

from tests.entrypoints.http.bad_transactions import DOCUMENTS, TRANSACTIONS, Bad
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, blamed, checked_problem, document, problem, sale

ALL = [*TRANSACTIONS, *DOCUMENTS]
BY_NAME = pytest.mark.parametrize("wrong", ALL, ids=lambda wrong: wrong.name)


def bytes_of(wrong: Bad) -> bytes:
    return wrong.sent if isinstance(wrong.sent, bytes) else json.dumps(wrong.sent).encode()


def check(told: Json, wrong: Bad, *, prefix: str = "") -> None:
    if wrong.pointer is not None:
        assert blamed(told)[0] == prefix + wrong.pointer, told
    assert wrong.says in told["detail"], told["detail"]
    assert len(told["detail"]) < 1_000


async def send(tenant: Tenant, body: bytes, path: str = "/transactions") -> Response:
    headers = {"Content-Type": "application/json"}
    return await tenant.client.post(tenant.path(path), content=body, headers=headers)


@BY_NAME
async def test_a_bad_transaction_is_refused_and_changes_nothing(shared_tenant: Tenant, wrong: Bad) -> None:
    before = await shared_tenant.head()
    check(problem(await send(shared_tenant, bytes_of(wrong)), wrong.status, wrong.code), wrong)
    assert await shared_tenant.head() == before


async def test_a_dry_run_refuses_a_bad_transaction_as_posting_it_does(shared_tenant: Tenant) -> None:
    for wrong in ALL:
        response = await send(shared_tenant, bytes_of(wrong), "/transactions?dry_run=true")
        check(problem(response, wrong.status, wrong.code), wrong)


async def test_a_stream_answers_each_bad_line_and_goes_on(tenant: Tenant) -> None:
    good = json.dumps(sale()).encode()
    lines = [line for wrong in ALL for line in (bytes_of(wrong), good)]
    response = await tenant.stream(b"\n".join(lines))
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [answer["index"] for answer in answers] == list(range(len(lines)))
    for number, (wrong, refused, posted) in enumerate(zip(ALL, answers[::2], answers[1::2], strict=True)):
        assert refused["status"] == wrong.status, wrong.name
        check(checked_problem(refused["problem"], wrong.status, wrong.code), wrong)
        if isinstance(wrong.sent, bytes) and wrong.status == 400:
            assert refused["problem"]["detail"].startswith(f"Line {2 * number + 1}: ")
            assert "body" not in refused["problem"]["detail"]
            assert "line 1" not in refused["problem"]["detail"]
        assert len(refused["problem"].get("errors", ())) <= 20
        assert posted["status"] == 201, wrong.name
    # The ledger, its asset, two accounts, and nothing but the good lines.
    assert await tenant.head() == 4 + len(ALL)


async def test_a_bulk_answers_each_bad_transaction_and_goes_on(tenant: Tenant) -> None:
    transactions = [transaction for wrong in TRANSACTIONS for transaction in (wrong.sent, sale())]
    results = document(await tenant.bulk(transactions))["results"]
    for wrong, refused, posted in zip(TRANSACTIONS, results[::2], results[1::2], strict=True):
        assert refused["status"] == wrong.status, wrong.name
        check(checked_problem(refused["problem"], wrong.status, wrong.code), wrong)
        assert posted["status"] == 201
    assert await tenant.head() == 4 + len(TRANSACTIONS)


async def test_an_atomic_bulk_points_at_the_bad_transaction_and_posts_none(tenant: Tenant) -> None:
    for wrong in TRANSACTIONS:
        told = problem(await tenant.bulk([sale(), wrong.sent, sale()], atomic=True), wrong.status, wrong.code)
        check(told, wrong, prefix="/transactions/1")
    assert await tenant.head() == 1


async def test_every_bad_transaction_of_an_atomic_bulk_is_pointed_at(tenant: Tenant) -> None:
    unbalanced = sale()
    unbalanced["entries"][0]["amount"] = "1.00"
    told = problem(await tenant.bulk([unbalanced, sale(), unbalanced], atomic=True), 422, "unbalanced-transaction")
    assert blamed(told) == ["/transactions/0/entries", "/transactions/2/entries"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/transactions"),
        ({"transactions": []}, "/transactions"),
        ({"transactions": {}}, "/transactions"),
        ({"transactions": None}, "/transactions"),
        ({"transactions": [sale()] * 1_001}, "/transactions"),
        ({"transactions": [sale()], "atomic": "true"}, "/atomic"),
        ({"transactions": [sale()], "atomic": 1}, "/atomic"),
        ({"transactions": [sale()], "atomic": None}, "/atomic"),
        ({"transactions": [sale()], "atom": True}, "/atom"),
        ([sale()], ""),
    ],
)
async def test_a_bulk_of_the_wrong_form_is_refused_as_a_whole(
    shared_tenant: Tenant, body: object, pointer: str
) -> None:
    before = await shared_tenant.head()
    told = problem(await send(shared_tenant, json.dumps(body).encode(), "/transactions/bulk"), 422, "validation-failed")
    assert blamed(told)[0] == pointer
    assert await shared_tenant.head() == before


# What other bodies there are: the method, the path below the ledger (or from the root), headers, and a good body.
WRITES: list[tuple[str, str, dict[str, str], Json]] = [
    ("POST", "/transactions", {}, sale()),
    ("POST", "/transactions/bulk", {}, {"transactions": [sale()]}),
    ("POST", "/accounts", {}, {"path": "users:42", "type": "liability"}),
    ("PATCH", "/accounts/assets:bank", {"If-Match": "*"}, {"metadata": {"a": "b"}}),
    ("PUT", "/assets/POINTS", {}, {"scale": 0}),
    ("PUT", "/chart", {"If-Match": "*"}, {"rules": []}),
    ("PATCH", "", {"If-Match": "*"}, {"name": "Books"}),
    ("POST", "../", {}, {"slug": "other"}),
    ("POST", "../../api-keys", {}, {"name": "another"}),
]
EVERY_WRITE = pytest.mark.parametrize(
    ("method", "rest", "headers", "body"), WRITES, ids=[f"{method} {rest}" for method, rest, _, _ in WRITES]
)


def path_of(tenant: Tenant, rest: str) -> str:
    return {"../": "/v1/ledgers", "../../api-keys": "/v1/api-keys"}.get(rest, tenant.path(rest))


@EVERY_WRITE
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json, text/plain",
        "nonsense",
    ],
)
async def test_a_body_of_another_type_is_refused(
    shared_tenant: Tenant, method: str, rest: str, headers: dict[str, str], body: Json, content_type: str | None
) -> None:
    given = headers | ({} if content_type is None else {"Content-Type": content_type})
    response = await shared_tenant.client.request(
        method, path_of(shared_tenant, rest), content=json.dumps(body).encode(), headers=given
    )
    assert "application/json" in problem(response, 415, "unsupported-media-type")["detail"]


@EVERY_WRITE
async def test_the_type_of_a_body_is_read_in_any_case_and_with_parameters(
    tenant: Tenant, method: str, rest: str, headers: dict[str, str], body: Json
) -> None:
    if rest.startswith("/accounts/"):
        await tenant.posted(sale())
    given = headers | {"Content-Type": "APPLICATION/JSON; charset=utf-8"}
    response = await tenant.client.request(
        method, path_of(tenant, rest), content=json.dumps(body).encode(), headers=given
    )
    assert response.status_code in (200, 201), response.text


@EVERY_WRITE
async def test_a_body_that_is_no_json_is_refused_everywhere(
    shared_tenant: Tenant, method: str, rest: str, headers: dict[str, str], body: Json
) -> None:
    for wrong in DOCUMENTS:
        response = await shared_tenant.client.request(
            method,
            path_of(shared_tenant, rest),
            content=bytes_of(wrong),
            headers={**headers, "Content-Type": "application/json", "Idempotency-Key": "k"},
        )
        told = problem(response, wrong.status, wrong.code)
        assert wrong.status != 400 or wrong.says in told["detail"], wrong.name


@EVERY_WRITE
@pytest.mark.parametrize("content", [b"", b" ", b"\n\n"])
async def test_an_empty_body_is_refused(
    shared_tenant: Tenant, method: str, rest: str, headers: dict[str, str], body: Json, content: bytes
) -> None:
    response = await shared_tenant.client.request(
        method,
        path_of(shared_tenant, rest),
        content=content,
        headers={**headers, "Content-Type": "application/json"},
    )
    problem(response, 400, "malformed-json")


@EVERY_WRITE
async def test_a_body_over_the_limit_is_refused(
    shared_tenant: Tenant, method: str, rest: str, headers: dict[str, str], body: Json
) -> None:
    megabytes = 33 if rest.endswith("bulk") else 10
    content = json.dumps(body).encode() + b" " * megabytes * 1024 * 1024
    given = {**headers, "Content-Type": "application/json"}
    response = await shared_tenant.client.request(method, path_of(shared_tenant, rest), content=content, headers=given)
    assert "bytes" in problem(response, 413, "payload-too-large")["detail"]

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1024 * 1024):
            yield content[start : start + 1024 * 1024]

    response = await shared_tenant.client.request(method, path_of(shared_tenant, rest), content=chunks(), headers=given)
    problem(response, 413, "payload-too-large")


@EVERY_WRITE
@pytest.mark.parametrize("sent", [[], "text", 1, True, None, [{}], 1e308])
async def test_something_else_than_an_object_is_refused(
    shared_tenant: Tenant, method: str, rest: str, headers: dict[str, str], body: Json, sent: object
) -> None:
    response = await shared_tenant.client.request(
        method,
        path_of(shared_tenant, rest),
        content=json.dumps(sent),
        headers={**headers, "Content-Type": "application/json", "Idempotency-Key": "k"},
    )
    told = problem(response, 422, "validation-failed")
    assert "must be an object" in told["detail"]


@EVERY_WRITE
async def test_an_unknown_field_is_refused_by_name(
    shared_tenant: Tenant, method: str, rest: str, headers: dict[str, str], body: Json
) -> None:
    response = await shared_tenant.client.request(
        method, path_of(shared_tenant, rest), json={**body, "colour": "red"}, headers=headers
    )
    told = problem(response, 422, "validation-failed")
    assert blamed(told) == ["/colour"]
    assert told["detail"] == "/colour is not a field that is known here."


OTHERS = [
    ("POST", "../", {"slug": slug}, "/slug")
    for slug in ("", "Main", "my books", "-a", "a-", "a" * 64, "ä", "a\n", "a/b", "a_b", "..")
] + [
    ("POST", "../", {"slug": "a", "name": ""}, "/name"),
    ("POST", "../", {"slug": "a", "name": "n" * 256}, "/name"),
    ("POST", "../", {"slug": "a", "name": "two\nlines"}, "/name"),
    ("POST", "../", {"slug": "a", "metadata": {"a": 1}}, "/metadata/a"),
    ("POST", "../", {"name": "a"}, "/slug"),
    ("POST", "../../api-keys", {}, "/name"),
    ("POST", "../../api-keys", {"name": ""}, "/name"),
    ("POST", "../../api-keys", {"name": "n" * 256}, "/name"),
    ("POST", "../../api-keys", {"name": "a\u0085b"}, "/name"),
    ("POST", "/accounts", {"path": "users::1", "type": "asset"}, "/path"),
    ("POST", "/accounts", {"path": "users:1"}, "/type"),
    ("POST", "/accounts", {"path": "users:1", "type": "debit"}, "/type"),
    ("POST", "/accounts", {"path": "users:1", "type": "asset", "metadata": {"a": "v" * 1001}}, "/metadata/a"),
    ("PUT", "/assets/POINTS", {"scale": -1}, "/scale"),
    ("PUT", "/assets/POINTS", {"scale": 31}, "/scale"),
    ("PUT", "/assets/POINTS", {"scale": 10**50}, "/scale"),
    ("PUT", "/assets/POINTS", {"scale": "2"}, "/scale"),
    ("PUT", "/assets/POINTS", {"scale": 2.5}, "/scale"),
    ("PUT", "/assets/POINTS", {"scale": 2.0}, "/scale"),
    ("PUT", "/assets/POINTS", {"scale": True}, "/scale"),
    ("PUT", "/assets/POINTS", {"scale": None}, "/scale"),
    ("PUT", "/chart", {"rules": [{"pattern": "users:*", "type": "wallet"}]}, "/rules/0/type"),
    ("PUT", "/chart", {"rules": [{"pattern": 1, "type": "asset"}]}, "/rules/0/pattern"),
    ("PUT", "/chart", {"rules": [{"type": "asset"}]}, "/rules/0/pattern"),
    ("PUT", "/chart", {"rules": "users:*"}, "/rules"),
    ("PUT", "/chart", {"rules": [{"pattern": f"a{n}", "type": "asset"} for n in range(1_001)]}, "/rules"),
    ("PATCH", "", {"name": "n" * 256}, "/name"),
    ("PATCH", "", {"metadata": {"k" * 65: "v"}}, "/metadata"),
]


@pytest.mark.parametrize(("method", "rest", "body", "pointer"), OTHERS)
async def test_other_bad_documents_are_refused(
    shared_tenant: Tenant, method: str, rest: str, body: Json, pointer: str
) -> None:
    before = await shared_tenant.head()
    headers = {"If-Match": "*"} if rest in ("/chart", "") else {}
    response = await shared_tenant.client.request(method, path_of(shared_tenant, rest), json=body, headers=headers)
    told = problem(response, 422, "validation-failed")
    assert blamed(told)[0] == pointer
    assert await shared_tenant.head() == before


@pytest.mark.parametrize("pattern", ["", "a::b", "users:*x", "a b", "**:**:**", "a" * 256, "a:", "***"])
async def test_a_pattern_that_no_path_could_match_is_refused_and_pointed_at(
    shared_tenant: Tenant, pattern: str
) -> None:
    rules = [{"pattern": "users:*", "type": "asset"}, {"pattern": pattern, "type": "asset"}]
    response = await shared_tenant.client.put(
        shared_tenant.path("/chart"), json={"rules": rules}, headers={"If-Match": "*"}
    )
    assert blamed(problem(response, 422, "validation-failed")) == ["/rules/1/pattern"]


@pytest.mark.parametrize(
    "code", ["eur", "E R", "E" * 33, "%00", "E%00R", "%0A", "EUR%0A", "%C3%A9", "%FF", "-E", "E%2FR", "%F0%9F%92%B0"]
)
async def test_an_asset_code_that_can_be_none_is_refused(shared_tenant: Tenant, code: str) -> None:
    response = await shared_tenant.client.put(shared_tenant.path(f"/assets/{code}"), json={"scale": 2})
    assert response.status_code in (404, 422), response.text
    problem(response, response.status_code, response.json()["code"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "segment", ["%00", "a%00b", "%FF", "%C0%80", "%ED%A0%80", "%0A", "main%0A", "%E2%80%8F", "%25", "%", "%zz", "%2F"]
)
async def test_an_oddly_encoded_path_is_a_404_or_405_and_never_our_mistake(
    shared_tenant: Tenant, method: str, segment: str
) -> None:
    tenant = shared_tenant
    for path in (
        f"/v1/ledgers/{segment}",
        f"/v1/ledgers/{segment}/transactions",
        f"/v1/ledgers/{segment}/transactions/bulk",
        tenant.path(f"/accounts/{segment}"),
        tenant.path(f"/accounts/{segment}/balances"),
        tenant.path(f"/transactions/{segment}"),
        f"/v1/api-keys/{segment}",
        f"/problems/{segment}",
        f"/nothing/{segment}",
    ):
        response = await tenant.client.request(
            method, path, json=sale(), headers={"If-Match": "*", "Partita-Version": "1"}
        )
        assert 400 <= response.status_code < 500, (path, response.text)
        if method != "HEAD":
            problem(response, response.status_code, response.json()["code"])


@pytest.fixture(scope="module")
async def shared_tenant(new_organisation: NewOrganisation) -> Tenant:
    """An organisation in which nothing is ever changed for good."""
    made = await new_organisation()
    await made.posted(sale())
    return made

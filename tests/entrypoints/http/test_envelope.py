"""What surrounds every request: its id, the version, and problems for what no route takes."""

import asyncio
import json
import logging
import re
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from domain.shared.errors import DomainError
from entrypoints.http.problems import status_of
from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.raw_upload import uploading
from tests.entrypoints.http.tenant import Tenant, document, problem, sale


@pytest.mark.parametrize("path", ["/v1/ledgers", "/health/live", "/nowhere", "/problems", "/openapi.json"])
async def test_every_answer_carries_a_request_id_and_the_version(client: AsyncClient, path: str) -> None:
    first, second = await client.get(path), await client.get(path)
    for response in (first, second):
        assert response.headers["partita-version"] == "1"
        assert response.headers["x-request-id"].startswith("req_")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("id", ["a", "checkout-7", "A.b_c-9", "x" * 128])
async def test_a_clients_request_id_is_taken(client: AsyncClient, id: str) -> None:
    response = await client.get("/nowhere", headers={"X-Request-Id": id})
    assert response.headers.get_list("x-request-id") == [id]
    assert problem(response, 404, "not-found")["request_id"] == id


@pytest.mark.parametrize("id", [b"", b" ", b"a b", b"x" * 129, b"\xff", b"a\x01", b"<script>", "é".encode(), b"a,b"])
async def test_a_request_id_that_could_do_harm_is_replaced(client: AsyncClient, id: bytes) -> None:
    response = await client.get("/nowhere", headers={b"X-Request-Id": id})
    assert response.headers["x-request-id"].startswith("req_")
    problem(response, 404, "not-found")


async def test_a_path_without_version_is_of_the_version_asked_for(tenant: Tenant) -> None:
    asked = {"Partita-Version": "1"}
    created = await tenant.client.post("/ledgers", json={"slug": "other"}, headers=asked)
    document(created, 201)
    posted = document(await tenant.client.post("/ledgers/other/transactions", json=sale(), headers=asked), 201)
    got = await tenant.client.get(f"/ledgers/other/transactions/{posted['id']}", headers=asked)
    assert document(got) == posted
    document(await tenant.client.get("/api-keys", headers=asked))
    document(await tenant.client.get("/v1/ledgers", headers=asked))
    document(await tenant.client.get("/health/live", headers=asked))


async def test_every_route_is_reached_without_version_by_the_header(client: AsyncClient) -> None:
    asked, found = {"Partita-Version": "1"}, 0
    for described, methods in document(await client.get("/openapi.json"))["paths"].items():
        path = re.sub(r"\{[^}]*\}", "x", described)
        for method in {each.upper() for each in methods} & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            if path.startswith("/v1/"):
                found += 1
                # Nobody asks: what there is says that first, each in its way.
                with_version = await client.request(method, path)
                without = await client.request(method, path.removeprefix("/v1"), headers=asked)
                assert without.status_code == with_version.status_code != 404, (method, path)
    assert found > 100


async def test_a_path_without_version_is_nothing_without_the_header(tenant: Tenant) -> None:
    told = problem(await tenant.client.get("/ledgers"), 404, "not-found")
    assert "/v1/" in told["detail"]


@pytest.mark.parametrize("version", [b"2", b"0", b"v1", b"1.0", b"", b"\xff\xff", b"1, 2", b"x" * 10_000])
@pytest.mark.parametrize("path", ["/ledgers", "/v1/ledgers", "/nowhere"])
async def test_an_unknown_version_is_refused(client: AsyncClient, version: bytes, path: str) -> None:
    response = await client.get(path, headers={b"Partita-Version": version})
    told = problem(response, 400, "unsupported-version")
    assert "there is 1" in told["detail"]
    assert told["instance"] == path


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v2/ledgers", "/v1/ledger", "/v1/ledgers/", "/v1/ledgers/main/transactions/", "//", "/v1//x"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_is_not_there_is_a_problem(tenant: Tenant, method: str, path: str) -> None:
    response = await tenant.client.request(method, path, json=sale())
    assert response.status_code in (404, 405)
    problem(response, response.status_code, response.json()["code"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/ledgers", "GET, POST"),
        ("FROBNICATE", "/v1/ledgers", "GET, POST"),
        ("PUT", "/v1/ledgers/main", "DELETE, GET, PATCH"),
        ("DELETE", "/v1/ledgers/main/transactions", "GET, POST"),
        ("PUT", "/v1/ledgers/main/transactions/bulk", "GET, PATCH, POST"),  # it could be the id of one
        ("GET", "/v1/ledgers/main/verification", "POST"),
        ("OPTIONS", "/v1/ledgers/main/accounts/a:b/entries", "GET"),
        ("PUT", "/v1/api-keys/x", "DELETE, GET"),
        ("POST", "/health/live", "GET"),
        ("POST", "/docs", "GET"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_a_problem_that_lists_the_others(
    tenant: Tenant, method: str, path: str, allowed: str
) -> None:
    response = await tenant.client.request(method, path)
    told = problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == allowed
    assert told["detail"] == f"{method} is not allowed here. Allowed: {allowed}."


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer ptk_1_x",
        "ptk_1_0123456789abcdefghijklmnopqrstuvABCDEF",
        "Bearer ptk_1_0123456789abcdefghijklmnopqrstuvABCDEF",
        "Bearer ptk_999999999999999999999_0123456789abcdefghijklmnopqrstuvABCDEF",
        "Bearer " + "x" * 10_000,
    ],
)
async def test_whoever_has_no_key_is_nobody(client: AsyncClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (
        ("GET", "/v1/ledgers"),
        ("POST", "/v1/ledgers/main/transactions"),
        ("POST", "/v1/ledgers/main/transactions/bulk"),
        ("POST", "/v1/ledgers"),
        ("DELETE", "/v1/api-keys/x"),
    ):
        response = await client.request(method, path, content=b"{", headers=headers)
        problem(response, 401, "not-authenticated")
        assert response.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_is_read_in_any_case(client: AsyncClient, tenant: Tenant) -> None:
    document(await client.get("/v1/ledgers", headers={"Authorization": f"bEARER  {tenant.key} "}))


@pytest.mark.parametrize(
    "name", ["Authorization", "Content-Type", "If-Match", "Idempotency-Key", "Accept", "X-Request-Id"]
)
@pytest.mark.parametrize("value", [b"\xff\xfe", b"\x80", b"a\x01b", b"x" * 20_000, b'"', b"\xed\xa0\x80", b"%00", b","])
async def test_odd_bytes_in_a_header_are_never_our_mistake(tenant: Tenant, name: str, value: bytes) -> None:
    before = await tenant.head()
    for method, rest in (
        ("POST", "/transactions"),
        ("POST", "/transactions/bulk"),
        ("PATCH", ""),
        ("POST", "/accounts"),
    ):
        headers = {b"Content-Type": b"application/json"} | {name.encode(): value}
        response = await tenant.client.request(method, tenant.path(rest), content=b"{}", headers=headers)
        assert 400 <= response.status_code < 500, response.text
        problem(response, response.status_code, response.json()["code"])
    assert await tenant.head() == before


async def test_a_bug_is_a_problem_that_tells_nothing_and_is_logged(
    app: FastAPI, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> Any:
        raise ZeroDivisionError("the secret inside")

    services = app.state.services
    monkeypatch.setattr(type(services.journal), "submit", broken)
    monkeypatch.setattr(type(services.journal), "try_out", broken)
    with caplog.at_level(logging.ERROR):
        for rest, body in (
            ("/transactions", sale()),
            ("/accounts", {"path": "assets:a"}),
            ("/transactions?dry_run=true", sale()),
        ):
            response = await tenant.client.post(tenant.path(rest), json=body)
            told = problem(response, 500, "internal-error")
            assert "secret" not in response.text
            assert told["request_id"] in told["detail"] or "request_id" in told["detail"]
    assert "the secret inside" in caplog.text


@pytest.mark.parametrize("rest", ["/transactions", "/transactions/bulk", "/accounts"])
async def test_a_client_that_goes_away_in_mid_body_is_nobodys_mistake(
    new_server: NewServer, tenant: Tenant, caplog: pytest.LogCaptureFixture, rest: str
) -> None:
    url = await new_server()
    head = await tenant.head()
    async with uploading(url, tenant.path(rest), tenant.key, Content_Type="application/json") as upload:
        await upload.send(json.dumps(sale()).encode())
        await asyncio.sleep(0.05)
        upload.vanish()
    await asyncio.sleep(0.1)
    assert caplog.records == []
    assert await tenant.head() == head


def subclasses(error: type[DomainError]) -> list[type[DomainError]]:
    return [each for child in error.__subclasses__() for each in (child, *subclasses(child))]


@pytest.mark.parametrize("error", subclasses(DomainError))
async def test_every_refusal_has_a_status_a_title_and_a_page(client: AsyncClient, error: type[DomainError]) -> None:
    assert 400 <= status_of(error) < 600
    assert error.title
    assert error.title[0].isupper()
    assert len(error.__doc__ or "") > 30
    assert error.__doc__ != DomainError.__doc__
    assert error.code == error.code.lower()
    page = await client.get(f"/problems/{error.code}")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert error.code in page.text
    index = await client.get("/problems")
    assert f'href="/problems/{error.code}"' in index.text


async def test_a_problem_that_is_none_is_not_found(client: AsyncClient) -> None:
    problem(await client.get("/problems/no-such-thing"), 404, "not-found")
    response = await client.get("/problems/<script>alert(1)</script>")
    problem(response, 404, "not-found")

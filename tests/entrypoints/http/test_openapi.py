"""The interface's description is valid, complete, and what it shows as examples works."""

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from entrypoints.schemas.holds import HOLD_EXAMPLE
from entrypoints.schemas.holds import ID_EXAMPLE as A_HOLD
from entrypoints.schemas.reversals import ID_EXAMPLE as A_TRANSACTION
from tests.docs.pages import ROOT
from tests.entrypoints.http.tenant import NDJSON, PROBLEM, Json, Tenant, document, problem, sale

CHANGES_NO_LEDGER = ("/verification", "/uploads", "/imports/preview")


@pytest.fixture
def described(app: FastAPI) -> Json:
    return app.openapi()


async def test_the_document_is_valid_openapi_3_1(client: AsyncClient) -> None:
    served = document(await client.get("/openapi.json"))
    assert served["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(served).validate()
    assert served["info"]["title"] == "Partita"


def test_every_reference_leads_somewhere(described: Json) -> None:
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(described)))
    assert references
    for reference in references:
        found: Any = described
        for part in reference.split("/"):
            assert part in found, reference
            found = found[part]


def test_every_operation_says_what_it_does_and_how_it_may_refuse(described: Json) -> None:
    ids = set()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"].endswith("."), (method, path)
            assert operation["operationId"] not in ids
            ids.add(operation["operationId"])
            if not path.startswith("/v1/"):
                continue
            statuses = set(operation["responses"])
            assert {"400", "401", "500", "503"} <= statuses, (method, path, statuses)
            if "{" in path:
                assert "404" in statuses, (method, path)
            if "requestBody" in operation:
                assert {"413", "415", "422"} <= statuses, (method, path, statuses)
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == [PROBLEM], (method, path, status)
                elif status not in ("204", "304"):
                    content = response["content"]
                    # What is no JSON is a file.
                    shown = (
                        content["application/json"] if "application/json" in content else next(iter(content.values()))
                    )
                    assert shown["schema"], (method, path, status)


def test_no_two_schemas_have_one_name(described: Json) -> None:
    assert [name for name in described["components"]["schemas"] if "__" in name] == []


def test_what_is_left_out_of_a_change_has_no_default(described: Json) -> None:
    for path, operations in described["paths"].items():
        if "patch" in operations:
            content = operations["patch"]["requestBody"]["content"]["application/json"]
            schema = described["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            said = {name: each["default"] for name, each in schema["properties"].items() if each.get("default")}
            assert not said, (path, said)


def test_what_is_for_everyone_asks_for_no_credential(described: Json) -> None:
    open_to_all = {
        path
        for path, operations in described["paths"].items()
        for operation in operations.values()
        if operation.get("security") == []
    }
    assert {path for path in described["paths"] if not path.startswith("/v1/")} <= open_to_all
    assert {path for path in open_to_all if path.startswith("/v1/")} == {
        f"/v1/auth/{rest}"
        for rest in ("register", "verify-email", "login", "refresh", "password/forgotten", "password/reset")
    }


def test_a_bulk_is_described_in_both_its_forms(described: Json) -> None:
    bulk = described["paths"]["/v1/ledgers/{ledger}/transactions/bulk"]["post"]
    for content in (bulk["requestBody"]["content"], bulk["responses"]["200"]["content"]):
        assert list(content) == ["application/json", NDJSON]


def test_every_path_parameter_and_header_is_described(described: Json) -> None:
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            given = {(each["in"], each["name"]) for each in operation.get("parameters", ())}
            assert {name for place, name in given if place == "path"} == set(re.findall(r"{(\w+)}", path))
            if not path.startswith("/v1/"):
                continue
            # What would become of a job, nobody knows before it runs.
            asks_for_job = path.endswith(("/jobs", "/imports"))
            changes_ledger = path.startswith("/v1/ledgers") and not (path.endswith(CHANGES_NO_LEDGER) or asks_for_job)
            if method == "patch" or (path.endswith("/chart") and method == "put"):
                assert ("header", "If-Match") in given
            if method == "delete" and changes_ledger:
                assert {("header", "If-Match"), ("query", "reason")} <= given
            if method in ("patch", "put", "post", "delete") and changes_ledger:
                assert ("query", "dry_run") in given, (method, path)
            # None of them changes anything that could be changed twice.
            if method == "post" and not path.endswith((*CHANGES_NO_LEDGER, "/realtime/tickets", "/test")):
                assert (("header", "Idempotency-Key") in given) == (not is_of_person(path)), (method, path)


def test_posts_without_a_key_are_named(described: Json) -> None:
    pages = (described["info"]["description"], (ROOT / "docs" / "api.md").read_text("utf-8"))
    for page in pages:
        for path in ("/v1/auth", "/v1/organisations", "/v1/invitations/accept"):
            assert f"`{path}`" in page
    of_persons = {path for path, each in described["paths"].items() if "post" in each and is_of_person(path)}
    assert {path for path in of_persons if not path.startswith("/v1/auth/")} == {
        "/v1/organisations",
        "/v1/invitations/accept",
    }


async def test_every_documented_example_is_accepted(tenant: Tenant, described: Json) -> None:
    posted = await tenant.posted(sale())
    examples = 0
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            schema = described["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            assert schema.get("examples"), (method, path)
            for example in schema["examples"]:
                changed = {"slug": "of-the-example"} if path == "/v1/ledgers" else {}
                headers = {"If-Match": "*"} if method == "patch" or path.endswith("/chart") else {}
                id, body = await with_ids(tenant, path, posted["id"], example)
                if "/periods/" in path:
                    id = document(await tenant.get("/periods"))["data"][0]["id"]
                if "/api-keys/" in path:
                    key = await tenant.client.post("/v1/api-keys", json={"name": "to replace"})
                    id = document(key, 201)["id"]
                if path == "/v1/organisations/{id}":
                    id = str(tenant.organisation_id)
                filled = path.format(ledger="main", code="POINTS", id=id, path="assets:bank", name="freezer")
                before = await tenant.head()
                response = await tenant.client.request(method.upper(), filled, json=body | changed, headers=headers)
                if is_of_person(path):
                    # Of a person that is not there, or one who has no API key: understood, and then refused.
                    assert response.status_code in (202, 401, 403) or response.json()["code"] == "token-not-good"
                elif path == "/v1/members/{id}":
                    problem(response, 404, "not-found")  # keys are no members, and there are no others
                elif response.status_code == 409:
                    assert response.json()["code"] == "duplicate-reference"  # of the example before it
                    assert await tenant.head() == before
                else:
                    assert response.status_code in (200, 201), (method, path, response.text)
                examples += 1
    assert examples >= 15


def is_of_person(path: str) -> bool:
    """Whether a route is for persons, whatever organisation they act for."""
    return path.startswith("/v1/auth/") or path in ("/v1/organisations", "/v1/invitations/accept")


async def with_ids(tenant: Tenant, path: str, transaction: str, example: Json) -> tuple[str, Json]:
    """What an id in the path is, and the example with ids that there are: of something new, if it is used up."""
    if path.startswith("/v1/oauth-clients/"):
        asked = {"name": "Expenses", "redirect_uris": ["https://expenses.example/callback"], "scopes": ["operator"]}
        return document(await tenant.client.post("/v1/oauth-clients", json=asked), 201)["id"], example
    if path.startswith("/v1/webhooks/"):
        asked = {"url": "https://shop.invalid/hooks"}
        return document(await tenant.client.post("/v1/webhooks", json=asked), 201)["id"], example
    if path.endswith("/reverse"):
        of_example = sale("100.00", reference=None)
        transaction = (await tenant.posted(of_example))["id"]
    if not path.endswith(("/capture", "/release", "/resolve", "/reverse")):
        return transaction, example
    hold = document(await tenant.client.post(tenant.path("/holds"), json={**HOLD_EXAMPLE, "reference": None}), 201)
    text = json.dumps(example).replace(A_HOLD, hold["id"]).replace(A_TRANSACTION, transaction)
    return hold["id"] if "/holds/" in path else transaction, json.loads(text)


async def test_the_documentation_needs_no_other_host(client: AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "swagger" in page.text.lower()
    assert not re.findall(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//""", page.text)
    assets = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
    assert assets
    for asset in [*assets, "openapi.json"]:
        found = await client.get(f"/{asset}")
        assert found.status_code == 200, asset
        assert found.content


async def test_the_root_leads_to_the_documentation(client: AsyncClient) -> None:
    response = await client.get("/", follow_redirects=True)
    assert response.status_code == 200
    assert str(response.url).endswith("/docs")

"""Another organisation's key sees none of what is yours: on every route, as the OpenAPI document lists them."""

import json
from typing import Any

import pytest
from fastapi import FastAPI

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

SECRET = "confidential-7f3a"


OF_PERSONS = [
    ("POST", "/v1/organisations"),
    ("POST", "/v1/invitations/accept"),
    ("DELETE", "/v1/members/me"),
]


@pytest.fixture
async def victim(new_organisation: NewOrganisation) -> Tenant:
    """An organisation whose ledger, of a name that nobody else has, says the secret wherever something can be said."""
    tenant = await new_organisation()
    metadata = {SECRET: SECRET}
    document(await tenant.client.post("/v1/ledgers", json={"slug": SECRET, "name": SECRET, "metadata": metadata}), 201)
    tenant = Tenant(tenant.organisation_id, tenant.key, SECRET, tenant.client)
    transaction = sale(reference=SECRET, description=SECRET, metadata=metadata)
    transaction["entries"][0]["account"] = f"assets:{SECRET}"
    await tenant.posted(transaction)
    hold = transaction | {"reference": f"{SECRET}-held"}
    document(await tenant.client.post(tenant.path("/holds"), json=hold), 201)
    rules = {"rules": [{"pattern": f"{SECRET}:*", "type": "asset"}]}
    document(await tenant.client.put(tenant.path("/chart"), json=rules, headers={"If-Match": "*"}))
    document(await tenant.client.post("/v1/api-keys", json={"name": SECRET}), 201)
    role = {"description": SECRET, "permissions": ["reports:read"]}
    document(await tenant.client.put(f"/v1/roles/{SECRET}", json=role))
    invited = {"email": f"{SECRET}@example.com", "assignments": [{"role": SECRET}]}
    document(await tenant.client.post("/v1/invitations", json=invited), 201)
    closing = {"until": "2026-01-01", "reason": SECRET}
    document(await tenant.client.post(tenant.path("/periods"), json=closing), 201)
    return tenant


def operations(app: FastAPI) -> list[tuple[str, str, Json]]:
    return [
        (method.upper(), path, operation)
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
        if path.startswith("/v1/")
    ]


def example_of(app: FastAPI, operation: Json) -> Any:
    """The documented example of an operation's body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = app.openapi()["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    return schema["examples"][0]


async def test_every_route_of_the_document_is_blind_to_other_organisations(
    app: FastAPI, victim: Tenant, tenant: Tenant
) -> None:
    (transaction,) = document(await victim.get("/transactions"))["data"]
    (hold,) = document(await victim.get("/holds"))["data"]
    keys = document(await victim.client.get("/v1/api-keys"))["data"]
    (period,) = document(await victim.get("/periods"))["data"]
    (invitation,) = document(await victim.client.get("/v1/invitations"))["data"]
    account = f"assets:{SECRET}"
    names = {
        "{ledger}": SECRET,
        "{path}": account,
        "{code}": "EUR",
        "/transactions/{id}": f"/transactions/{transaction['id']}",
        "/holds/{id}": f"/holds/{hold['id']}",
        "/api-keys/{id}": f"/api-keys/{keys[-1]['id']}",
        "/periods/{id}": f"/periods/{period['id']}",
        "/organisations/{id}": f"/organisations/{victim.organisation_id}",
        "/members/{id}": "/members/usr_01h2xcejqtf2nbrexx3vqjhp41",
        "/invitations/{id}": f"/invitations/{invitation['id']}",
        "/roles/{name}": f"/roles/{SECRET}",
        "/sessions/{id}": "/sessions/ses_01h2xcejqtf2nbrexx3vqjhp41",
    }
    shown = ("", "/events", "/chart", "/assets", "/accounts", "/holds", "/periods")
    before = [document(await victim.get(rest)) for rest in shown]
    walked = 0
    for method, template, operation in operations(app):
        path = template
        for name, value in names.items():
            path = path.replace(name, value)
        assert "{" not in path, "a new parameter: say what it is called here"
        in_query = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
        required = "".join(f"?{each['name']}=a" for each in in_query if each.get("required"))
        for query in (required, f"{required}&dry_run=true" if required else "?dry_run=true"):
            if "dry_run" in query and not any(each["name"] == "dry_run" for each in in_query):
                continue
            for transport in ("json", "ndjson") if template.endswith("/bulk") else ("json",):
                headers = {"If-Match": "*"}
                body = example_of(app, operation)
                if transport == "ndjson":
                    headers["Content-Type"] = "application/x-ndjson"
                    content = json.dumps(sale()).encode()
                else:
                    headers["Content-Type"] = "application/json"
                    content = b"" if body is None else json.dumps(body).encode()
                response = await tenant.client.request(method, path + query, content=content, headers=headers)
                walked += 1
                said = (response.text + json.dumps(dict(response.headers))).replace(path, "").replace(f"'{SECRET}'", "")
                said = said.replace(repr(account), "")
                assert SECRET not in said, (method, path, said)
                assert transaction["id"] not in said
                assert hold["id"] not in said
                if template.startswith("/v1/auth/"):  # of persons, who belong to no organisation
                    assert response.status_code in (202, 401, 403, 422), (method, path, said)
                elif (method, template) in OF_PERSONS:
                    problem(response, 403, "permission-denied")
                elif (method, template) == ("PUT", "/v1/roles/{name}"):  # to which one of one's own could be put
                    problem(response, 412, "version-conflict")
                elif "{" not in template:  # a list or a creation of one's own; the example is called `main`, too
                    assert response.status_code < 300 or response.json()["code"] == "ledger-exists"
                elif template.endswith("/bulk") and (transport == "ndjson" or not body.get("atomic")):
                    result = json.loads(response.text.splitlines()[0])
                    result = result.get("results", [result])[0]
                    assert (result["status"], result["problem"]["code"]) == (404, "ledger-not-found")
                else:
                    told = problem(response, 404, response.json()["code"])
                    assert told["code"] == ("ledger-not-found" if "{ledger}" in template else "not-found")
    assert walked > 25
    now = [document(await victim.get(rest)) for rest in shown]
    assert now == before
    assert document(await victim.client.get("/v1/api-keys"))["data"] == keys


async def test_a_slug_belongs_to_each_organisation(victim: Tenant, tenant: Tenant) -> None:
    document(await tenant.client.post("/v1/ledgers", json={"slug": SECRET}), 201)
    mine = Tenant(tenant.organisation_id, tenant.key, SECRET, tenant.client)
    assert document(await mine.get("/transactions"))["data"] == []
    assert document(await mine.get("/reports/trial-balance"))["data"] == []
    assert await mine.head() == 1
    (transaction,) = document(await victim.get("/transactions"))["data"]
    (hold,) = document(await victim.get("/holds"))["data"]
    assert document(await mine.get("/holds"))["data"] == []
    for list_of_what_is_linked in (f"/transactions?hold={hold['id']}", f"/transactions?reverses={transaction['id']}"):
        assert document(await mine.get(list_of_what_is_linked))["data"] == []
    for path in (
        f"/holds/{hold['id']}/capture",
        f"/holds/{hold['id']}/release",
        f"/transactions/{transaction['id']}/reverse",
    ):
        problem(await mine.client.post(mine.path(path), json={}), 404, "not-found")
    for path, named in (
        ("/holds/resolve", {"resolutions": [{"hold": hold["id"], "action": "release"}]}),
        ("/transactions/reverse", {"reversals": [{"transaction": transaction["id"]}]}),
    ):
        problem(await mine.client.post(mine.path(path), json=named), 422, "not-found")
    problem(await mine.get(f"/holds/{hold['id']}"), 404, "not-found")
    problem(await mine.get(f"/transactions/{transaction['id']}"), 404, "not-found")
    problem(await mine.get(f"/accounts/assets:{SECRET}"), 404, "account-not-found")


async def test_a_key_says_an_organisation_and_does_not_choose_it(victim: Tenant, tenant: Tenant, app: FastAPI) -> None:
    prefix, _, secret = tenant.key.split("_")
    forged = f"{prefix}_{victim.organisation_id}_{secret}"
    response = await tenant.client.get("/v1/ledgers", headers={"Authorization": f"Bearer {forged}"})
    problem(response, 401, "not-authenticated")

"""Roles of an organisation's own."""

from typing import Any

import pytest

from domain.identity.role import BUILT_IN_ROLES
from tests.entrypoints.http.team.office import ANY, Office, assigned, invitation, told_permission
from tests.entrypoints.http.tenant import Json, document, problem

FREEZER: Json = {"description": "Freezes.", "permissions": ["accounts:freeze", "accounts:read"]}
PATH = "/v1/roles/freezer"


async def test_a_role_is_made_given_changed_and_deleted(office: Office) -> None:
    company = await office.company()
    made = await company.client.put(PATH, json=FREEZER)
    assert document(made) == {"name": "freezer", **FREEZER, "is_built_in": False, "version": 1}
    assert made.headers["etag"] == '"1"'
    listed = document(await company.client.get("/v1/roles"))["data"]
    assert [role["name"] for role in listed] == [*BUILT_IN_ROLES, "freezer"]
    ada = await office.member(company, "freezer")
    client = await ada.at(company.id)
    document(await company.client.post("/v1/ledgers/main/accounts", json={"path": "assets:bank"}), 201)
    document(await client.get("/v1/ledgers/main/accounts"))
    reports = "/v1/ledgers/main/reports/trial-balance"
    assert told_permission(await client.get(reports)) == "reports:read"
    changed = {"description": "", "permissions": ["reports:read"]}
    problem(await company.client.put(PATH, json=changed), 428, "precondition-required")
    assert document(await company.client.put(PATH, json=changed, headers={"If-Match": '"1"'}))["version"] == 2
    # What a server remembers of those who have the role is looked up anew at once.
    document(await client.get(reports))
    assert told_permission(await client.get("/v1/ledgers/main/accounts")) == "accounts:read"
    problem(await company.client.put(PATH, json=changed, headers={"If-Match": '"1"'}), 412, "version-conflict")
    event = (await office.log(company.id))[-1]
    assert event["type"] == "role.changed"
    assert event["data"] == {"name": "freezer", "before": FREEZER, "after": changed}
    assert document(await company.client.put(PATH, json=changed, headers=ANY))["version"] == 2
    assert (await office.log(company.id))[-1] == event

    document(await company.client.post("/v1/invitations", json=invitation("a@example.com", "freezer")), 201)
    told = problem(await company.client.delete(PATH, headers=ANY), 409, "role-in-use")
    assert "1 members have the role freezer, and 1 invitations offer it" in told["detail"]
    document(await company.client.patch(f"/v1/members/{ada.id}", json=assigned("auditor"), headers=ANY))
    (open_one,) = document(await company.client.get("/v1/invitations"))["data"]
    await company.client.delete(f"/v1/invitations/{open_one['id']}")
    problem(await company.client.delete(PATH), 428, "precondition-required")
    problem(await company.client.delete(PATH, headers={"If-Match": '"1"'}), 412, "version-conflict")
    assert (await company.client.delete(PATH, headers={"If-Match": '"2"'})).status_code == 204
    problem(await company.client.get(PATH), 404, "not-found")
    assert (await office.log(company.id))[-1]["data"] == {"name": "freezer", "before": changed}
    refused = await company.client.patch(f"/v1/members/{ada.id}", json=assigned("freezer"), headers=ANY)
    assert "There is no role 'freezer'" in problem(refused, 422, "validation-failed")["detail"]


async def test_who_changes_a_role_must_have_what_it_allowed_and_will_allow(office: Office) -> None:
    company = await office.company()
    power = {"permissions": ["roles:read", "roles:change", "reports:read"]}
    document(await company.client.put("/v1/roles/namer", json=power))
    document(await company.client.put("/v1/roles/closer", json={"permissions": ["periods:close"]}))
    namer = await (await office.member(company, "namer")).at(company.id)
    document(await namer.put("/v1/roles/reader", json={"permissions": ["reports:read"]}))
    refused = await namer.put("/v1/roles/poster", json={"permissions": ["transactions:post"]})
    assert told_permission(refused) == "transactions:post"
    weakened = await namer.put("/v1/roles/closer", json={"permissions": ["reports:read"]}, headers=ANY)
    assert told_permission(weakened) == "periods:close"
    stronger = {"permissions": [*power["permissions"], "owners:change"]}
    assert told_permission(await namer.put("/v1/roles/namer", json=stronger, headers=ANY)) == "owners:change"
    assert told_permission(await namer.delete("/v1/roles/closer", headers=ANY)) == "periods:close"
    limited = await office.member(company, {"role": "namer", "ledgers": ["main"]})
    assert told_permission(await (await limited.at(company.id)).put(PATH, json=FREEZER)) == "roles:change"


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("owner", FREEZER, None),
        ("Freezer", FREEZER, None),
        ("a" * 64, FREEZER, None),
        ("freezer", {"permissions": []}, "/permissions"),
        ("freezer", {"permissions": ["reports:read", "king"]}, "/permissions/1"),
        ("freezer", {"permissions": ["reports:read"], "description": "a" * 1001}, "/description"),
    ],
)
async def test_a_role_that_cannot_be_is_refused(office: Office, name: str, body: Any, pointer: str | None) -> None:
    company = await office.company()
    told = problem(await company.client.put(f"/v1/roles/{name}", json=body), 422, "validation-failed")
    assert [blame["pointer"] for blame in told.get("errors", [])] == ([] if pointer is None else [pointer])


async def test_built_in_roles_stay_as_they_are(office: Office) -> None:
    company = await office.company()
    shown = document(await company.client.get("/v1/roles/auditor"))
    assert (shown["is_built_in"], shown["version"]) == (True, 0)
    problem(await company.client.put("/v1/roles/auditor", json=FREEZER, headers=ANY), 422, "validation-failed")
    problem(await company.client.delete("/v1/roles/auditor", headers=ANY), 422, "validation-failed")
    gone = await company.client.put("/v1/roles/nobodys", json=FREEZER, headers=ANY)
    problem(gone, 412, "version-conflict")


async def test_roles_are_the_organisations_own(office: Office) -> None:
    company, stranger = await office.company(), await office.company()
    document(await stranger.client.put(PATH, json=FREEZER))
    problem(await company.client.get(PATH), 404, "not-found")
    problem(await company.client.delete(PATH, headers=ANY), 404, "not-found")
    problem(await company.client.post("/v1/invitations", json=invitation("a@b.c", "freezer")), 422, "validation-failed")

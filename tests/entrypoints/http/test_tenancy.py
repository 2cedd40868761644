"""Names and keys of organisations: the same slug may be everyone's, and a key is of whose it is.

That no route shows anything of another organisation is walked in `test_tenants_apart.py`.
"""

import pytest
from fastapi import FastAPI

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

SECRET = "confidential-7f3a"


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
    closing = {"until": "2026-01-01", "reason": SECRET}
    document(await tenant.client.post(tenant.path("/periods"), json=closing), 201)
    return tenant


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

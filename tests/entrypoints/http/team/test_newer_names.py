"""Permissions and scopes that a newer server has stored, in a database that it shares with this one."""

import logging

import pytest
from sqlalchemy import text

from adapters.postgres.work import tenant_transaction
from tests.entrypoints.http.team.office import Company, Office, told_permission
from tests.entrypoints.http.tenant import document, problem


async def stored(office: Office, of: Company, statement: str) -> None:
    """Have a row as a newer server would write it."""
    async with tenant_transaction(office.engine, of.id) as connection:
        await connection.execute(text(statement))


async def test_what_a_newer_server_has_stored_allows_nothing_and_breaks_nothing(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    company = await office.company()
    document(await company.client.put("/v1/roles/reader", json={"permissions": ["ledgers:read"]}))
    reader, admin = await office.member(company, "reader"), await office.member(company, "admin")
    key = document(await company.client.post("/v1/api-keys", json={"name": "a", "scopes": ["ledgers:read"]}), 201)
    client = {"name": "c", "grant_types": ["client_credentials"], "scopes": ["ledgers:read"]}
    registered = document(await company.client.post("/v1/oauth-clients", json=client), 201)
    await stored(office, company, "UPDATE roles SET permissions = permissions || '{newer:role}'")
    await stored(office, company, "UPDATE api_keys SET scopes = scopes || '{newer:key}' WHERE name = 'a'")
    await stored(office, company, "UPDATE oauth_clients SET scopes = scopes || '{newer:client}'")

    with caplog.at_level(logging.WARNING, "partita.access"):
        by_client = await company.client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(registered["client_id"], registered["client_secret"]),
        )
        assert document(by_client)["scope"] == "ledgers:read"
        for credential in (key["key"], document(by_client)["access_token"]):
            shown = await office.client(credential)
            document(await shown.get("/v1/ledgers"))
            assert told_permission(await shown.post("/v1/ledgers", json={"slug": "b"})) == "ledgers:create"
        for human in (reader, admin):
            at = await human.at(company.id)
            document(await at.get("/v1/ledgers"))
            document(await at.get("/v1/ledgers"))
        document(await (await admin.at(company.id, scopes=("operator", "newer:token"))).get("/v1/ledgers"))
        assert document(await company.client.get("/v1/roles"))["data"][-1]["permissions"] == ["ledgers:read"]
        assert document(await company.client.get(f"/v1/api-keys/{key['id']}"))["scopes"] == [
            "ledgers:read",
            "newer:key",
        ]
    told = [record.getMessage() for record in caplog.records]
    for name in ("role", "key", "client", "token"):
        assert len([line for line in told if f"'newer:{name}'" in line]) <= 1, told
    assert any("'newer:key' is stored, which this version does not know" in line for line in told)
    # It is not passed on: what it allows, nobody here can say.
    refused = await company.client.post(f"/v1/api-keys/{key['id']}/rotate", json={})
    assert "'newer:key' is no scope" in problem(refused, 422, "validation-failed")["detail"]

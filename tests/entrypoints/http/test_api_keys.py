"""API keys: shown once, kept as a hash, useless for everyone else and after they are revoked."""

import asyncpg
import pytest
from fastapi import FastAPI

from entrypoints.http.app import create_app
from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.tenant import Tenant, document, problem, sale


async def test_a_key_is_shown_once(tenant: Tenant) -> None:
    response = await tenant.client.post("/v1/api-keys", json={"name": "checkout"}, headers={"Idempotency-Key": "k"})
    made = document(response, 201)
    assert response.headers["cache-control"] == "no-store"
    key = made.pop("key")
    assert key.startswith(made["hint"].rstrip("…"))
    assert len(made["hint"]) < len(key) / 2
    assert made["revoked_at"] is None
    again = await tenant.client.post("/v1/api-keys", json={"name": "checkout"}, headers={"Idempotency-Key": "k"})
    assert document(again, 201) == made
    listed = await tenant.client.get("/v1/api-keys")
    assert document(listed)["data"][1] == made
    assert key not in listed.text


async def test_a_keys_text_is_nowhere_in_the_database(
    tenant: Tenant, postgres_url: str, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    key = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)["key"]
    async with connected(app, key) as client:
        document(await client.post(tenant.path("/transactions"), json=sale(), headers={"Idempotency-Key": "k"}), 201)
    secret = key.rsplit("_", 1)[1]
    database = await asyncpg.connect(postgres_url)
    try:
        tables = await database.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        assert len(tables) >= 8
        for (table,) in tables:
            rows = await database.fetch(f'SELECT t::text AS row, t AS value FROM "{table}" AS t')  # noqa: S608 # names from the catalogue
            for row in rows:
                assert secret not in row["row"]
                assert secret.encode().hex() not in row["row"], "bytes are shown in hexadecimal"
    finally:
        await database.close()
    assert secret not in caplog.text


async def test_a_key_is_good_for_its_organisation(tenant: Tenant, app: FastAPI) -> None:
    key = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)["key"]
    posted = await tenant.posted(sale())
    async with connected(app, key) as client:
        assert document(await client.get(tenant.path(f"/transactions/{posted['id']}"))) == posted


@pytest.mark.parametrize("position", [0, 4, 8, 20, -1])
async def test_a_mistyped_key_is_no_key(tenant: Tenant, app: FastAPI, position: int) -> None:
    replacement = "x" if tenant.key[position] != "x" else "y"
    mistyped = list(tenant.key)
    mistyped[position] = replacement
    async with connected(app, "".join(mistyped)) as client:
        problem(await client.get("/v1/ledgers"), 401, "not-authenticated")


async def test_a_revoked_key_is_refused_and_listed_as_revoked(tenant: Tenant, app: FastAPI) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)
    async with connected(app, made["key"]) as client:
        document(await client.get("/v1/ledgers"))
        gone = await tenant.client.delete(f"/v1/api-keys/{made['id']}")
        assert (gone.status_code, gone.content) == (204, b"")
        assert made["id"] in problem(await client.get("/v1/ledgers"), 401, "not-authenticated")["detail"]
    (first, revoked) = document(await tenant.client.get("/v1/api-keys"))["data"]
    assert first["revoked_at"] is None
    assert revoked["revoked_at"] is not None
    problem(await tenant.client.delete(f"/v1/api-keys/{made['id']}"), 404, "not-found")


async def test_a_key_that_was_never_used_stops_at_once(tenant: Tenant, app: FastAPI) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)
    await tenant.client.delete(f"/v1/api-keys/{made['id']}")
    async with connected(app, made["key"]) as client:
        problem(await client.get("/v1/ledgers"), 401, "not-authenticated")


@pytest.mark.parametrize("id", ["key_01h2xcejqtf2nbrexx3vqjhp41", "x", "txn_01h2xcejqtf2nbrexx3vqjhp41", "key_"])
async def test_a_key_that_is_not_there_cannot_be_revoked(tenant: Tenant, id: str) -> None:
    problem(await tenant.client.delete(f"/v1/api-keys/{id}"), 404, "not-found")


async def test_a_strangers_key_is_neither_seen_nor_revoked(tenant: Tenant, new_organisation: NewOrganisation) -> None:
    stranger = await new_organisation()
    (key,) = document(await stranger.client.get("/v1/api-keys"))["data"]
    problem(await tenant.client.delete(f"/v1/api-keys/{key['id']}"), 404, "not-found")
    assert len(document(await tenant.client.get("/v1/api-keys"))["data"]) == 1
    document(await stranger.client.get("/v1/ledgers"))


async def test_keys_made_and_revoked_stand_in_the_organisations_log(tenant: Tenant, postgres_url: str) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "a"}), 201)
    await tenant.client.delete(f"/v1/api-keys/{made['id']}", headers={"X-Request-Id": "goodbye"})
    database = await asyncpg.connect(postgres_url)
    try:
        rows = await database.fetch(
            "SELECT convert_from(content, 'UTF8')::jsonb AS content FROM event_log WHERE stream_id = $1 "
            "ORDER BY sequence",
            tenant.organisation_id,
        )
    finally:
        await database.close()
    contents = [row["content"] for row in rows]
    assert len(contents) == 5  # the organisation, its ledger, two keys, and the end of one
    assert made["id"] in contents[-1]
    assert "goodbye" in contents[-1]


def test_the_application_can_be_made_twice(app: FastAPI) -> None:
    again = create_app(app.state.services)
    assert again.openapi() == app.openapi()

"""Attachments are seen, added and removed by whoever may, on the accounts that it may be used on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from entrypoints.container import Services
from entrypoints.http import lasting
from tests.entrypoints.http.attachments.test_attachments import ABC, REASON, attach, subjects
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.credentials import Limits, Maker, session_token
from tests.entrypoints.http.cut_off import parts_until_cut_off
from tests.entrypoints.http.tenant import Tenant, document, problem


@asynccontextmanager
async def limited(app: FastAPI, tenant: Tenant, **rights: Any) -> AsyncIterator[AsyncClient]:
    """A client whose key has no other rights."""
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "limited", **rights}), 201)
    async with connected(app, made["key"]) as client:
        yield client


async def answers(tenant: Tenant, client: AsyncClient, on: str, id: str) -> list[tuple[str, Response]]:
    """What each route answers, and the permission that it takes."""
    lists = await client.get(tenant.path(f"{on}/attachments"))
    shown = await client.get(tenant.path(f"/attachments/{id}"))
    content = await client.get(tenant.path(f"/attachments/{id}/content"))
    added = await client.post(tenant.path(f"{on}/attachments"), content=ABC)
    removed = await client.delete(tenant.path(f"/attachments/{id}"), params=REASON, headers={"If-Match": "*"})
    reading = [("attachments:read", each) for each in (lists, shown, content)]
    return [*reading, ("attachments:add", added), ("attachments:remove", removed)]


async def test_each_route_takes_its_permission(app: FastAPI, tenant: Tenant) -> None:
    paths = await subjects(tenant)
    for held in ("attachments:read", "attachments:add", "attachments:remove"):
        async with limited(app, tenant, scopes=[held]) as client:
            for on in paths.values():
                id = (await attach(tenant, on=on))["id"]
                for permission, response in await answers(tenant, client, on, id):
                    if permission == held:
                        assert response.is_success, response.text
                    else:
                        assert problem(response, 403, "permission-denied")["permission"] == permission


async def test_a_key_that_is_limited_to_accounts_reaches_what_is_on_those(app: FastAPI, tenant: Tenant) -> None:
    paths = await subjects(tenant)
    # The transaction and the hold concern both accounts.
    cases: list[tuple[list[str], set[str]]] = [
        (["assets:bank"], {"account"}),
        (["income:*"], set()),
        (["assets:**", "income:**"], {"account", "transaction", "hold"}),
    ]
    for accounts, reached in cases:
        async with limited(app, tenant, scopes=["owner"], accounts=accounts) as client:
            for kind, on in paths.items():
                id = (await attach(tenant, on=on))["id"]
                for _, response in await answers(tenant, client, on, id):
                    assert response.is_success if kind in reached else response.status_code == 403, response.text
            problem(await client.post(tenant.path("/uploads")), 403, "permission-denied")


async def narrowed(tenant: Tenant) -> None:
    """Limit the one member of the organisation to accounts on which there are no attachments."""
    (member,) = document(await tenant.client.get("/v1/members"))["data"]
    to = {"assignments": [{"role": "admin", "accounts": ["users:**"]}]}
    document(await tenant.client.patch(f"/v1/members/{member['id']}", json=to, headers={"If-Match": "*"}))


@pytest.mark.parametrize("limits", [Limits("admin"), Limits("admin", accounts=("assets:**", "users:**"))])
async def test_what_is_under_way_ends_where_its_accounts_are_not_reached_any_more(
    app: FastAPI,
    services: Services,
    owner: AsyncEngine,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    limits: Limits,
) -> None:
    monkeypatch.setattr(lasting, "CHECK_SECONDS", 0)
    paths = await subjects(tenant)
    id = (await attach(tenant, bytes(5_000_000), on=paths["account"]))["id"]
    credential = await session_token(Maker(services, owner, tenant.organisation_id), limits)
    path = tenant.path(f"/attachments/{id}/content")
    parts = await parts_until_cut_off(app, path, credential, lambda: narrowed(tenant))
    assert len(parts) == 2


async def test_an_upload_ends_where_its_account_is_not_reached_any_more(
    app: FastAPI, services: Services, owner: AsyncEngine, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lasting, "CHECK_SECONDS", 0)
    paths = await subjects(tenant)
    credential = await session_token(Maker(services, owner, tenant.organisation_id), Limits("admin"))

    async def slow() -> AsyncIterator[bytes]:
        yield b"first"
        await narrowed(tenant)
        yield b"second"

    async with connected(app, credential) as client:
        refused = await client.post(tenant.path(f"{paths['account']}/attachments"), content=slow())
    assert problem(refused, 403, "permission-denied")["permission"] == "attachments:add"

"""Attachments are seen, added and removed by whoever may, on the accounts that it may be used on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from httpx2 import AsyncClient, Response

from tests.entrypoints.http.attachments.test_attachments import ABC, REASON, attach, subjects
from tests.entrypoints.http.conftest import connected
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

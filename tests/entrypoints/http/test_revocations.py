"""A revocation holds everywhere: at once with Redis, and within five seconds without it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from adapters.embedded import ServerUrls
from adapters.redis.revocations import CHANNEL
from application.identity.remembering import REMEMBERED_SECONDS
from application.interchange import import_job
from application.ledger import relay
from entrypoints.container import Container, Services, opened
from entrypoints.http import lasting
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.application.seconds import Seconds
from tests.entrypoints.http.conftest import connected, made_organisation
from tests.entrypoints.http.cut_off import parts_until_cut_off
from tests.entrypoints.http.jobs_run import asked_import, ended, sales
from tests.entrypoints.http.tenant import Tenant, document, problem
from tests.redis_server import RedisServer


@asynccontextmanager
async def servers_of_a_key(
    services: Services,
    settings: Settings,
    postgres_url: str,
    redis_url: str,
    seconds: Callable[[], float] = time.monotonic,
) -> AsyncIterator[tuple[AsyncClient, AsyncClient, str, str]]:
    """Two servers of one database, a client of each that shows the same key, the key's id, and another key.

    What they remember, they remember by the clock `seconds`.
    """
    async with AsyncExitStack() as stack:
        organisation, owners_key = await made_organisation(services)
        clients: list[AsyncClient] = []
        id = key = ""
        for _ in range(2):
            container = await stack.enter_async_context(opened(settings, ServerUrls(postgres_url, redis_url)))
            container.authenticate.add_kwargs(seconds=seconds)
            app = create_app(container.services())
            await stack.enter_async_context(app.router.lifespan_context(app))
            if not key:
                async with connected(app, owners_key) as owner:
                    made = document(await owner.post("/v1/api-keys", json={"name": "leaked"}), 201)
                    id, key = made["id"], made["key"]
            clients.append(await stack.enter_async_context(connected(app, key)))
        assert organisation
        yield clients[0], clients[1], id, owners_key


async def seconds_until_refused(client: AsyncClient, limit_seconds: float) -> float:
    began = time.monotonic()
    while (response := await client.get("/v1/ledgers")).status_code == 200:
        assert time.monotonic() < began + limit_seconds
        await asyncio.sleep(0.02)
    problem(response, 401, "not-authenticated")
    return time.monotonic() - began


async def test_with_redis_a_revoked_key_stops_elsewhere_within_a_second(
    services: Services, settings: Settings, postgres_url: str, tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    try:
        async with servers_of_a_key(services, settings, postgres_url, redis.url) as (here, elsewhere, id, owners_key):
            deadline = time.monotonic() + 5
            while redis.subscribers(CHANNEL) < 2:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            for client in (here, elsewhere):
                document(await client.get("/v1/ledgers"))
            gone = await here.delete(f"/v1/api-keys/{id}", headers={"Authorization": f"Bearer {owners_key}"})
            assert gone.status_code == 204
            problem(await here.get("/v1/ledgers"), 401, "not-authenticated")
            await seconds_until_refused(elsewhere, 1)
    finally:
        redis.kill()


async def test_without_redis_a_revoked_key_stops_elsewhere_within_five_seconds(
    services: Services, settings: Settings, postgres_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere, seconds = RedisServer(tmp_path).url, Seconds()
    async with servers_of_a_key(services, settings, postgres_url, nowhere, seconds) as (
        here,
        elsewhere,
        id,
        owners_key,
    ):
        for client in (here, elsewhere):
            document(await client.get("/v1/ledgers"))
        gone = await here.delete(f"/v1/api-keys/{id}", headers={"Authorization": f"Bearer {owners_key}"})
        assert gone.status_code == 204
        problem(await here.get("/v1/ledgers"), 401, "not-authenticated")
        seconds.passed = 4.4
        assert (await elsewhere.get("/v1/ledgers")).status_code == 200, "it has not heard of it"
        seconds.passed = 4.5
        problem(await elsewhere.get("/v1/ledgers"), 401, "not-authenticated")
        assert id in caplog.text


def test_what_goes_on_ends_within_five_seconds_without_redis_too() -> None:
    """It may be asked who it is just before that is forgotten, and is then taken for certain for a while."""
    assert REMEMBERED_SECONDS + max(lasting.CHECK_SECONDS, relay.CERTAIN_SECONDS) <= 5


async def test_what_a_job_has_made_ends_with_the_credential(
    app: FastAPI, container: Container, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_job, "PART_LINES", 1)
    monkeypatch.setattr(lasting, "CHECK_SECONDS", 0)
    id = (await asked_import(tenant, sales(6)))["id"]
    assert (await ended(container, tenant, id))["state"] == "done"
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "reader", "scopes": ["operator"]}), 201)

    async def revoke() -> None:
        assert (await tenant.client.delete(f"/v1/api-keys/{made['id']}")).status_code == 204

    parts = await parts_until_cut_off(app, f"/v1/jobs/{id}/result", made["key"], revoke)
    assert [len(part.splitlines()) for part in parts] == [1, 1], "of six"

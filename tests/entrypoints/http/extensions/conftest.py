"""A server with the sample extension, and others with which something is wrong, beside those of all other tests.

What is done for each organisation and each event of a database takes long in one that thousands of tests have filled.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from fastapi import FastAPI

from adapters.embedded import ServerUrls
from entrypoints.container import Container, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.extending import sample
from tests.entrypoints.extending.installed import SAMPLE, installed
from tests.entrypoints.http.conftest import NewOrganisation, connected, made_organisation
from tests.entrypoints.http.tenant import Tenant
from tests.redis_server import RedisServer

BROKEN = {"broken": "no.such.module:extension", "crooked": "tests.entrypoints.http.extensions.crooked:extension"}


@pytest.fixture(scope="package")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """In another database, other organisations have the same numbers."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="package")
async def extended(
    container: Container,
    settings: Settings,
    postgres_url: str,
    own_redis: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Container]:
    """All that such a server is made of, over a database of its own."""
    container.extensions()  # which has none
    name = f"partita_extended_{secrets.token_hex(6)}"
    cluster = await asyncpg.connect(postgres_url)
    await cluster.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    try:
        async with opened(settings, ServerUrls(url, own_redis.url)) as made:
            await made.maintenance().migrate()
            with installed(tmp_path_factory.mktemp("extensions"), {"sample": SAMPLE}, BROKEN):
                made.extensions()
            yield made
    finally:
        await cluster.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await cluster.close()


@pytest.fixture(scope="package")
async def extended_app(extended: Container) -> FastAPI:
    """The application; its background work is done when a test says so."""
    return create_app(extended.services())


@pytest.fixture(scope="package")
async def new_guest(extended_app: FastAPI, extended: Container) -> AsyncIterator[NewOrganisation]:
    """A way to make an organisation there, whose client talks to that server."""
    async with AsyncExitStack() as clients:

        async def make() -> Tenant:
            organisation_id, key = await made_organisation(extended.services())
            return Tenant(organisation_id, key, "main", await clients.enter_async_context(connected(extended_app, key)))

        yield make


@pytest.fixture
async def guest(new_guest: NewOrganisation) -> AsyncIterator[Tenant]:
    """An organisation of this test's own."""
    tenant = await new_guest()
    yield tenant
    # Jobs that were to fail would be tried again beside other tests.
    for job in (await tenant.client.get("/v1/jobs")).json()["data"]:
        await tenant.client.delete(f"/v1/jobs/{job['id']}")


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """What the sample remembers, and how it is told to fail, is of one test."""
    for each in (sample.told, sample.done, sample.failing):
        each.clear()
    yield
    sample.failing.clear()

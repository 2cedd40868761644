"""A server with the sample extension, and others with which something is wrong, beside those of all other tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI

from adapters.embedded import ServerUrls
from entrypoints.container import Container, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.extending import sample
from tests.entrypoints.extending.installed import SAMPLE, installed
from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.tenant import Tenant

BROKEN = {"broken": "no.such.module:extension", "crooked": "tests.entrypoints.http.extensions.crooked:extension"}


@pytest.fixture(scope="session")
async def extended(
    container: Container,
    settings: Settings,
    postgres_url: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Container]:
    """All that such a server is made of, over the database of the other tests."""
    container.extensions()  # which has none
    async with opened(settings, ServerUrls(postgres_url, redis_url)) as made:
        with installed(tmp_path_factory.mktemp("extensions"), {"sample": SAMPLE}, BROKEN):
            made.extensions()
        yield made


@pytest.fixture(scope="session")
async def extended_app(extended: Container) -> FastAPI:
    """The application; its background work is done when a test says so."""
    return create_app(extended.services())


@pytest.fixture
async def guest(extended_app: FastAPI, new_organisation: NewOrganisation) -> AsyncIterator[Tenant]:
    """An organisation of this test's own, whose client talks to that server."""
    tenant = await new_organisation()
    async with connected(extended_app, tenant.key) as client:
        yield Tenant(tenant.organisation_id, tenant.key, "main", client)
        # Jobs that were to fail would be tried again beside other tests.
        for job in (await client.get("/v1/jobs")).json()["data"]:
            await client.delete(f"/v1/jobs/{job['id']}")


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """What the sample remembers, and how it is told to fail, is of one test."""
    for each in (sample.told, sample.done, sample.failing):
        each.clear()
    yield
    sample.failing.clear()

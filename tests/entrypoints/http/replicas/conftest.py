"""A PostgreSQL of these tests' own, with a standby that they may do anything to, and servers that read from it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from httpx2 import AsyncClient
from pydantic import SecretStr

from adapters.embedded import EmbeddedServers, ServerUrls
from entrypoints.container import Container, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import connected, made_organisation
from tests.entrypoints.http.tenant import Tenant
from tests.standby import Standby


@dataclass(frozen=True)
class Served:
    """A server over a primary and its standbys, and a client of it."""

    container: Container
    tenant: Tenant
    client: AsyncClient

    async def settled(self, *, fit: int) -> None:
        """Wait until so many replicas can be read from."""
        deadline = monotonic() + 10
        replicas = self.container.replicas()
        while (found := sum(is_fit for _, is_fit in replicas.lags().values())) != fit:
            assert monotonic() < deadline, replicas.lags()
            assert found is not None
            await asyncio.sleep(0.02)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture(scope="session")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    """The server that takes changes."""
    with EmbeddedServers(tmp_path_factory.mktemp("primary")) as servers:
        yield servers


@pytest.fixture(scope="session")
def standby(primary: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    """A copy of it; a test that breaks it mends it."""
    made = Standby(tmp_path_factory.mktemp("standby"), primary.urls.database_url, "copy").make()
    yield made
    made.stop()


@pytest.fixture
def serve(primary: EmbeddedServers, settings: Settings) -> Serve:
    """A way to serve from the primary and its standbys."""

    @asynccontextmanager
    async def serve(*standbys: Standby, urls: ServerUrls | None = None, **changes: Any) -> AsyncIterator[Served]:
        replicas = SecretStr(", ".join(each.url for each in standbys))
        changed = settings.model_copy(update={"database_replica_urls": replicas} | changes)
        async with opened(changed, urls or primary.urls) as container:
            await container.maintenance().migrate()
            services = container.services()
            organisation_id, key = await made_organisation(services)
            container.replicas().start()
            try:
                async with connected(create_app(services), key) as client:
                    yield Served(container, Tenant(organisation_id, key, "main", client), client)
            finally:
                await container.replicas().stop()

    return serve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test's own standbys are."""
    return tmp_path

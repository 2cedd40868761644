"""The whole application over the real PostgreSQL and Redis of this pytest process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from ipaddress import ip_network
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.embedded import ServerUrls
from adapters.postgres.engine import owner_engine
from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from domain.identity.api_key import FULL_RIGHTS
from domain.shared.chain import Author
from entrypoints.cli.server import server_config
from entrypoints.container import Container, Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.tenant import Tenant
from tests.server_process import ServerProcess

NewOrganisation = Callable[[], Awaitable[Tenant]]
NewServer = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    # All tests come from one address, and many of them try what must fail. Receivers of webhooks are on this machine.
    # Jobs run, and webhooks are sent, when a test says so.
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        rate_limit_failures=0,
        rate_limit_attempts=0,
        rate_limit_email=0,
        webhook_http=True,
        webhook_allowed_networks=(ip_network("127.0.0.0/8"),),
        worker_inside=False,
    )


@pytest.fixture(scope="session")
async def container(postgres_url: str, redis_url: str, settings: Settings) -> AsyncIterator[Container]:
    async with opened(settings, ServerUrls(postgres_url, redis_url)) as made:
        await made.maintenance().migrate()
        yield made


@pytest.fixture(scope="session")
def services(container: Container) -> Services:
    return container.services()


@pytest.fixture(scope="session")
async def owner(postgres_url: str, services: Services) -> AsyncIterator[AsyncEngine]:
    """The database's owner, for what no route makes."""
    engine = owner_engine(postgres_url)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def app(container: Container, services: Services) -> AsyncIterator[FastAPI]:
    made = create_app(services)
    async with made.router.lifespan_context(made):
        # It would let the holds of every other test of this database expire, whatever clock that test goes by.
        await container.expiry().stop()
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client without a key."""
    async with connected(app) as made:
        yield made


@pytest.fixture(scope="session")
async def new_organisation(app: FastAPI, services: Services) -> AsyncIterator[NewOrganisation]:
    """A way to make an organisation with a key and a ledger `main`: what one test does, no other sees."""
    async with AsyncExitStack() as clients:

        async def make() -> Tenant:
            organisation_id, key = await made_organisation(services)
            return Tenant(organisation_id, key, "main", await clients.enter_async_context(connected(app, key)))

        yield make


@pytest.fixture
async def tenant(new_organisation: NewOrganisation) -> Tenant:
    """An organisation of this test's own."""
    return await new_organisation()


@asynccontextmanager
async def connected(app: FastAPI, key: str | None = None) -> AsyncIterator[AsyncClient]:
    """A client that talks to the application without a network in between."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with AsyncClient(transport=ASGITransport(app), base_url="http://partita.test", headers=headers) as client:
        yield client


async def made_organisation(services: Services) -> tuple[int, str]:
    """A new organisation's number and its key; it has a ledger `main`."""
    by = Author("system:tests", "req_tests")
    principal = await create_organisation(services.organisations, services.clock, services.ids, "Tests", author=by)
    await create_ledger(
        services.ledgers,
        services.clock,
        services.ids,
        principal,
        slug="main",
        name="Main",
        metadata={},
        request_id="req_tests",
    )
    _, key = await services.api_keys.create(principal, "tests", FULL_RIGHTS, request_id="req_tests")
    assert key is not None
    return principal.organisation_id, key


@pytest.fixture(scope="module")
async def new_server(
    postgres_url: str, redis_url: str, settings: Settings, services: Services
) -> AsyncIterator[NewServer]:
    """A way to serve on a real socket, with settings of its own; returns the URL."""
    async with AsyncExitStack() as servers:

        async def serve(**changes: Any) -> str:
            container = await servers.enter_async_context(
                opened(settings.model_copy(update=changes), ServerUrls(postgres_url, redis_url))
            )
            return await servers.enter_async_context(served(create_app(container.services())))

        yield serve


@pytest.fixture(scope="module")
def server_process(
    postgres_url: str, redis_url: str, settings: Settings, services: Services
) -> Iterator[ServerProcess]:
    """A server in a process of its own, over the same database."""
    server = ServerProcess(postgres_url, redis_url, settings.data_dir)
    yield server.start()
    server.stop()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve the application on a free port of this machine, with the protocols that `partita serve` uses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(server_config(app, app.state.services.settings))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listens.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """Uvicorn's server, which leaves signals to pytest."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

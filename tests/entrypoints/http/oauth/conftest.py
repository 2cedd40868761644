"""Programs, members and browsers, over the whole application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from adapters.postgres.engine import service_engine
from adapters.postgres.identity.persons import PostgresPersons
from adapters.security.passwords import Argon2Passwords
from adapters.security.secrets import SystemSecrets
from application.identity.log_in import LogIn
from entrypoints.container import Services
from entrypoints.http.app import create_app
from tests.entrypoints.http.access_tokens import maker
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import CALLBACK, PASSWORD, Member, Program
from tests.entrypoints.http.tenant import Tenant, document

QUICK = Argon2Passwords(passes=1, memory_kibibytes=8, lanes=1)


class Silence:
    """Revocations that nobody hears of."""

    async def announce(self, *names: str) -> None:
        pass


NewProgram = Callable[..., Awaitable[Program]]
NewMember = Callable[..., Awaitable[Member]]


@pytest.fixture(scope="module")
async def log_in(postgres_url: str, services: Services) -> AsyncIterator[LogIn]:
    """The log-in with passwords, whose hashes are made quickly."""
    engine = service_engine(postgres_url, pool_size=5)
    yield LogIn(
        PostgresPersons(engine), QUICK, maker(services), Silence(), services.clock, services.ids, SystemSecrets()
    )
    await engine.dispose()


@pytest.fixture(scope="module")
async def people(postgres_url: str, services: Services) -> AsyncIterator[People]:
    database = await asyncpg.connect(postgres_url)
    yield People(database, services, await QUICK.hash(PASSWORD))
    await database.close()


@pytest.fixture(scope="module")
def oauth_app(services: Services, log_in: LogIn) -> FastAPI:
    return create_app(replace(services, persons=replace(services.persons, log_in=log_in)))


@pytest.fixture
async def browser(oauth_app: FastAPI) -> AsyncIterator[AsyncClient]:
    """A browser, with cookies of its own, that follows no link by itself."""
    async with AsyncClient(transport=ASGITransport(oauth_app), base_url="http://partita.test") as made:
        yield made


@pytest.fixture
def new_program(tenant: Tenant, browser: AsyncClient) -> NewProgram:
    """A way to register a client of the organisation, confidential unless it is said otherwise."""

    async def make(of: Tenant = tenant, **settings: Any) -> Program:
        asked = {"name": "Expenses", "redirect_uris": [CALLBACK], "scopes": ["accounts:read", "ledgers:read"]}
        response = await of.client.post("/v1/oauth-clients", json=asked | settings)
        return Program(of, document(response, 201), browser)

    return make


@pytest.fixture
async def program(new_program: NewProgram) -> Program:
    """A confidential client of the organisation."""
    return await new_program()


@pytest.fixture
async def app_on_a_desktop(new_program: NewProgram) -> Program:
    """A public client of the organisation."""
    return await new_program(confidential=False)


@pytest.fixture
async def member(people: People, tenant: Tenant) -> Member:
    """An owner of the organisation."""
    return await people.member(tenant.organisation_id, "owner")

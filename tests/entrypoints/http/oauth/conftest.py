"""Programs, members and browsers, over the whole application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from entrypoints.container import Services
from entrypoints.http.app import create_app
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import CALLBACK, Member, Program
from tests.entrypoints.http.tenant import Tenant, document

NewProgram = Callable[..., Awaitable[Program]]
NewMember = Callable[..., Awaitable[Member]]


@pytest.fixture(scope="module")
async def people(postgres_url: str, services: Services) -> AsyncIterator[People]:
    database = await asyncpg.connect(postgres_url)
    yield People(database, services)
    await database.close()


@pytest.fixture(scope="module")
def oauth_app(services: Services, people: People) -> FastAPI:
    return create_app(replace(services, log_ins=people))


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

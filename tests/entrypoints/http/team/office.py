"""People, their organisations, and what they ask for over HTTP."""

import json
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.embedded import ServerUrls
from adapters.memory import ManualClock, MemoryMailbox
from adapters.postgres.ids import stored_id
from adapters.postgres.person_tables import persons, sessions
from adapters.postgres.work import tenant_view
from application.identity.authenticate import Bearer
from application.identity.token_ports import ACCESS_TOKENS_LIVE, AccessClaims
from domain.shared.access import Principal
from domain.shared.quotas import Quotas
from entrypoints.container import Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.access_tokens import issued
from tests.entrypoints.http.conftest import connected, made_organisation
from tests.entrypoints.http.tenant import document

ANY = {"If-Match": "*"}


@dataclass
class Human:
    """Someone who is known by an address, and has logged in."""

    id: str
    email: str
    session: str
    office: "Office"

    async def at(self, organisation_id: int | None, *, scopes: tuple[str, ...] | None = None) -> AsyncClient:
        """A client with this person's access token for an organisation, or for none."""
        now = self.office.clock.now()
        claims = AccessClaims(self.id, self.session, organisation_id, scopes, now, now + ACCESS_TOKENS_LIVE)
        return await self.office.client(await issued(self.office.services, claims))


@dataclass
class Company:
    """An organisation, and a client with a key of it that may do everything."""

    id: int
    client: AsyncClient


@dataclass
class Office:
    """The server of these tests."""

    app: FastAPI
    services: Services
    mailbox: MemoryMailbox
    clock: ManualClock
    engine: AsyncEngine
    stack: AsyncExitStack
    urls: ServerUrls

    async def client(self, credential: str) -> AsyncClient:
        """A client that shows this credential."""
        return await self.stack.enter_async_context(connected(self.app, credential))

    async def company(self) -> Company:
        """A new organisation with a ledger `main`, and without members."""
        id, key = await made_organisation(self.services)
        return Company(id, await self.client(key))

    async def human(self, email: str | None = None, *, is_verified: bool = True) -> Human:
        """Someone new."""
        ids, now = self.services.ids, self.clock.now()
        human = Human(ids.new("usr"), email or f"{uuid4().hex}@example.com", ids.new("ses"), self)
        async with self.engine.begin() as connection:
            await connection.execute(
                insert(persons).values(
                    id=stored_id("usr", human.id),
                    email=human.email,
                    email_verified_at=now if is_verified else None,
                    created_at=now,
                )
            )
            await connection.execute(
                insert(sessions).values(
                    id=stored_id("ses", human.session),
                    person_id=stored_id("usr", human.id),
                    created_at=now,
                    last_used_at=now,
                    expires_at=now.replace(year=now.year + 1),
                )
            )
        return human

    async def member(self, of: Company, *assignments: str | dict[str, Any]) -> Human:
        """Someone new, who was invited to have these roles, and has accepted."""
        human = await self.human()
        await self.invited_in(of, human, *assignments)
        return human

    async def invited_in(self, to: Company, human: Human, *assignments: str | dict[str, Any]) -> None:
        """Have someone invited to have these roles, and accept."""
        token = await self.invited(to.client, human.email, *assignments)
        document(await (await human.at(None)).post("/v1/invitations/accept", json={"token": token}))

    async def invited(self, by: AsyncClient, email: str, *assignments: str | dict[str, Any]) -> str:
        """The token in the mail to someone who was invited."""
        document(await by.post("/v1/invitations", json=invitation(email, *assignments)), 201)
        return await self.token_to(email)

    async def token_to(self, email: str) -> str:
        """The token in the next mail to an address."""
        message = await self.mailbox.take(email)
        found = re.search(r"pti_\w+", message.text)
        assert found is not None, message
        return found.group()

    async def set_quotas(self, of: Company, **quotas: int | None) -> None:
        """Have whoever runs the server set quotas."""
        operator = Principal(of.id, "system:cli")
        await self.services.organisation_keeping.set_quotas(operator, Quotas(**quotas), request_id="req_1")

    async def elsewhere(self, of: Company) -> AsyncClient:
        """A client with the company's key, of one more server, which remembers nothing of it yet."""
        (client,) = await self.clients_elsewhere(of.client)
        return client

    async def clients_elsewhere(self, *clients: AsyncClient, settings: Settings | None = None) -> list[AsyncClient]:
        """Clients with the same credentials as these, of one more server, which remembers nothing of them yet."""
        container = await self.stack.enter_async_context(opened(settings or self.services.settings, self.urls))
        services = container.services()
        self.stack.push_async_callback(services.key_uses.settle)
        app = create_app(services)
        credentials = [client.headers["authorization"].removeprefix("Bearer ") for client in clients]
        return [await self.stack.enter_async_context(connected(app, credential)) for credential in credentials]

    async def fresh_bearer(self, credential: str) -> Bearer:
        """Who shows a credential, for a server that remembers nothing yet."""
        container = await self.stack.enter_async_context(opened(self.services.settings, self.urls))
        services = container.services()
        self.stack.push_async_callback(services.key_uses.settle)
        return await services.authenticate.bearer(credential)

    async def log_bytes(self, organisation_id: int) -> int:
        """How long the logs of an organisation are."""
        async with tenant_view(self.engine, organisation_id) as connection:
            query = text("SELECT sum(octet_length(content))::bigint FROM event_log WHERE organisation_id = :id")
            return int((await connection.execute(query, {"id": organisation_id})).scalar_one())

    async def log(self, organisation_id: int) -> list[dict[str, Any]]:
        """The contents of an organisation's log."""
        async with tenant_view(self.engine, organisation_id) as connection:
            rows = await connection.scalars(
                text("SELECT content FROM event_log WHERE stream_id = :id ORDER BY sequence"), {"id": organisation_id}
            )
            return [json.loads(row) for row in rows]


def assigned(*roles: str | dict[str, Any]) -> dict[str, Any]:
    """The body that gives these roles; a role alone is given without limits."""
    return {"assignments": [{"role": role} if isinstance(role, str) else role for role in roles]}


def invitation(email: str, *roles: str | dict[str, Any]) -> dict[str, Any]:
    """The body that invites someone."""
    return {"email": email, **assigned(*roles)}


def told_permission(response: Response) -> str:
    """The permission that a refusal names."""
    assert response.status_code == 403, response.text
    permission: str = response.json()["permission"]
    return permission

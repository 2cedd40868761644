"""Persons who register and log in, over HTTP."""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import ManualClock, MemoryMailbox
from adapters.postgres.ids import stored_id
from application.identity.person_ports import CheckedPassword, Passwords
from entrypoints.container import Services
from tests.entrypoints.http.tenant import document

PASSWORD = "the sluice opens at nine"
OTHER_PASSWORD = "the sluice closes at ten"


@dataclass
class CountedPasswords:
    """Passwords, and how often one was compared with a hash."""

    inner: Passwords
    checks: int = 0

    async def hash(self, password: str) -> str:
        return await self.inner.hash(password)

    async def check(self, password: str, kept: str | None) -> CheckedPassword:
        self.checks += 1
        return await self.inner.check(password, kept)


@dataclass
class Known:
    """Someone with an address, a password, and, after a log-in, tokens."""

    email: str
    password: str = PASSWORD
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


@dataclass
class Office:
    """A server where everyone can register, its mail, its clock and its database."""

    app: FastAPI
    services: Services
    client: AsyncClient
    mailbox: MemoryMailbox
    clock: ManualClock
    owner: AsyncEngine
    passwords: CountedPasswords

    async def post(self, path: str, body: dict[str, Any], of: Known | None = None) -> Response:
        headers = {"User-Agent": "tests/1", **(of.bearer if of is not None else {})}
        return await self.client.post(f"/v1/auth{path}", json=body, headers=headers)

    async def get(self, path: str, of: Known) -> Response:
        return await self.client.get(f"/v1/auth{path}", headers=of.bearer)

    async def delete(self, path: str, of: Known) -> Response:
        return await self.client.delete(f"/v1/auth{path}", headers=of.bearer)

    async def registered(self, password: str = PASSWORD) -> Known:
        """Someone who has registered, and not verified the address."""
        known = Known(new_email(), password)
        document(await self.post("/register", {"email": known.email, "password": password}), 202)
        return known

    async def verified(self) -> Known:
        """Someone who can log in."""
        known = await self.registered()
        token = await self.mailed_token(known.email)
        done = await self.post("/verify-email", {"token": token, "password": known.password})
        assert done.status_code == 204, done.text
        return known

    async def logged_in(self) -> Known:
        """Someone who has logged in."""
        known = await self.verified()
        await self.log_in(known)
        return known

    async def log_in(self, known: Known, **more: Any) -> Known:
        """Log in anew, and keep the tokens."""
        body = {"email": known.email, "password": known.password, **more}
        known.tokens = document(await self.post("/login", body))
        return known

    async def again(self, known: Known) -> Known:
        """The same person, logged in elsewhere."""
        return await self.log_in(Known(known.email, known.password))

    async def mailed_token(self, email: str) -> str:
        (token,) = re.findall(r"ptm_[A-Za-z0-9_-]+", (await self.mailbox.take(email)).text)
        return str(token)

    async def id_of(self, known: Known) -> str:
        return str(document(await self.get("/me", known))["id"])

    async def join(self, organisation_id: int, person_id: str, *roles: str) -> None:
        """Make someone a member."""
        assignments = [{"role": role, "ledgers": None, "accounts": None} for role in roles]
        async with self.owner.begin() as connection:
            await connection.execute(
                text("SELECT set_config('app.organisation_id', :id, true)"), {"id": str(organisation_id)}
            )
            await connection.execute(
                text("INSERT INTO members VALUES (:organisation, :person, CAST(:assignments AS jsonb), now(), 1)"),
                {
                    "organisation": organisation_id,
                    "person": stored_id("usr", person_id),
                    "assignments": json.dumps(assignments),
                },
            )

    async def rows(self, query: str, **parameters: Any) -> list[Any]:
        """What the owner of the database sees."""
        async with self.owner.connect() as connection:
            return list((await connection.execute(text(query), parameters)).all())

    def pass_by(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))


def new_email() -> str:
    return f"{uuid4().hex}@people.test"

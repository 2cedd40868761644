"""Credentials of every kind, of one organisation and with any limits, made where they are stored."""

import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.access_tables import members, oauth_clients, oauth_grants
from adapters.postgres.ids import outward_id
from adapters.postgres.person_tables import persons, sessions
from adapters.postgres.tables import api_keys
from adapters.postgres.work import tenant_transaction
from application.identity.token_ports import AccessClaims
from domain.identity.api_key import API_KEY
from domain.identity.role import BUILT_IN_ROLES
from domain.identity.secret_text import digest
from entrypoints.container import Services
from tests.entrypoints.http.access_tokens import issued


@dataclass(frozen=True)
class Limits:
    """What a credential may do: a role, in ledgers and on accounts if it is limited to any."""

    role: str
    ledgers: tuple[str, ...] | None = None
    accounts: tuple[str, ...] | None = None

    @property
    def lists(self) -> dict[str, list[str] | None]:
        """To what it is limited, as it is stored."""
        return {
            "ledgers": None if self.ledgers is None else list(self.ledgers),
            "accounts": None if self.accounts is None else list(self.accounts),
        }


@dataclass(frozen=True)
class Maker:
    """What it takes to make a credential for an organisation."""

    services: Services
    owner: AsyncEngine
    organisation_id: int

    async def token(self, subject: str, credential: str, *scopes: str) -> str:
        """An access token of this subject, which stands and falls with that credential."""
        now = datetime.now(UTC)
        claims = AccessClaims(
            subject, credential, self.organisation_id, scopes or None, now, now + timedelta(minutes=9)
        )
        return await issued(self.services, claims)


async def api_key(maker: Maker, limits: Limits) -> str:
    """An API key."""
    key = API_KEY.build(maker.organisation_id, secrets.token_bytes(48))
    async with tenant_transaction(maker.owner, maker.organisation_id) as connection:
        await connection.execute(
            insert(api_keys).values(
                organisation_id=maker.organisation_id,
                id=uuid.uuid4(),
                name="key",
                digest=digest(key),
                hint=API_KEY.hint(key),
                created_at=datetime.now(UTC),
                scopes=[limits.role],
                **limits.lists,
            )
        )
    return key


async def member(maker: Maker, connection: AsyncConnection, limits: Limits) -> uuid.UUID:
    """A person who is a member of the organisation."""
    person, now = uuid.uuid4(), datetime.now(UTC)
    await connection.execute(insert(persons).values(id=person, email=f"{person}@partita.test", created_at=now))
    await connection.execute(
        insert(members).values(
            organisation_id=maker.organisation_id,
            person_id=person,
            assignments=[{"role": limits.role, **limits.lists}],
            joined_at=now,
            version=1,
        )
    )
    return person


async def session_token(maker: Maker, limits: Limits) -> str:
    """An access token of a person who has logged in."""
    session, now = uuid.uuid4(), datetime.now(UTC)
    async with tenant_transaction(maker.owner, maker.organisation_id) as connection:
        person = await member(maker, connection, limits)
        await connection.execute(
            insert(sessions).values(
                id=session, person_id=person, created_at=now, last_used_at=now, expires_at=now + timedelta(days=1)
            )
        )
    return await maker.token(outward_id("usr", person), outward_id("ses", session))


async def client(maker: Maker, connection: AsyncConnection, limits: Limits, person: uuid.UUID | None) -> uuid.UUID:
    """A grant of an OAuth client, for a person or for itself."""
    client, grant, now = uuid.uuid4(), uuid.uuid4(), datetime.now(UTC)
    of_client = {
        "name": "client",
        "redirect_uris": ["https://client.test/back"],
        "grant_types": ["authorization_code"],
        "scopes": [limits.role],
        "created_at": now,
        "version": 1,
    }
    key = {"organisation_id": maker.organisation_id}
    await connection.execute(insert(oauth_clients).values(id=client, **key, **of_client, **limits.lists))
    await connection.execute(
        insert(oauth_grants).values(
            id=grant, client_id=client, person_id=person, scopes=[limits.role], created_at=now, **key
        )
    )
    return grant


async def client_token(maker: Maker, limits: Limits) -> str:
    """An access token of an OAuth client that acts for itself."""
    async with tenant_transaction(maker.owner, maker.organisation_id) as connection:
        grant = await client(maker, connection, limits, None)
    return await maker.token(outward_id("cli", uuid.uuid4()), outward_id("gnt", grant), limits.role)


async def consented_token(maker: Maker, limits: Limits) -> str:
    """An access token of an OAuth client that acts for a person, who is an owner."""
    async with tenant_transaction(maker.owner, maker.organisation_id) as connection:
        person = await member(maker, connection, replace(limits, role="owner"))
        grant = await client(maker, connection, limits, person)
    return await maker.token(outward_id("usr", person), outward_id("gnt", grant), limits.role)


KINDS: Mapping[str, Callable[[Maker, Limits], Awaitable[str]]] = {
    "API key": api_key,
    "session": session_token,
    "OAuth client": client_token,
    "OAuth consent": consented_token,
}
ROLES: Mapping[str, Limits] = {role: Limits(role) for role in BUILT_IN_ROLES}

"""Persons on PostgreSQL, outside of all organisations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.identity.grants import PostgresGrantEndings
from adapters.postgres.identity.leftovers import PostgresLeftovers
from adapters.postgres.identity.memberships import PostgresMemberships
from adapters.postgres.identity.security_log import PostgresSecurityLog
from adapters.postgres.identity.sessions import PostgresSessions
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.person_tables import mailed_tokens, person_identities, persons
from adapters.postgres.views import set_tenant
from adapters.postgres.work import transaction_of_nobody
from application.identity.person_ports import PersonChanges, Purpose
from domain.identity.person import Identity, RegisteredPerson


class PostgresPersons:
    """The unit of work over persons."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PersonChanges]:
        async with transaction_of_nobody(self._engine) as connection:
            yield _Changes(connection)


class _Changes:
    def __init__(self, connection: AsyncConnection) -> None:
        self.people = PostgresPeople(connection)
        self.identities = PostgresIdentities(connection)
        self.sessions = PostgresSessions(connection)
        self.mailed_tokens = PostgresMailedTokens(connection)
        self.log = PostgresSecurityLog(connection)
        self.memberships = PostgresMemberships(connection)
        self.leftovers = PostgresLeftovers(connection)
        self._connection = connection

    @asynccontextmanager
    async def grants_in(self, organisation_id: int) -> AsyncIterator[PostgresGrantEndings]:
        # Row-level security shows an organisation's grants and its log to itself alone.
        await set_tenant(self._connection, organisation_id)
        yield PostgresGrantEndings(self._connection, organisation_id)
        await set_tenant(self._connection, None)


class PostgresPeople:
    """Persons."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, email: str) -> RegisteredPerson | None:
        return await self._one(select(persons).where(persons.c.email == email))

    async def by_email(self, email: str) -> RegisteredPerson | None:
        return await self._held(persons.c.email == email)

    async def by_id(self, id: str) -> RegisteredPerson | None:
        return await self._held(persons.c.id == stored_id("usr", id))

    async def _held(self, condition: ColumnElement[bool]) -> RegisteredPerson | None:
        # Weaker than it could be: rows of the person may be added meanwhile.
        return await self._one(select(persons).where(condition).with_for_update(key_share=True))

    async def _one(self, query: Select[Any]) -> RegisteredPerson | None:
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return RegisteredPerson(
            outward_id("usr", row.id),
            row.email,
            row.password_hash,
            row.email_verified_at,
            row.created_at,
            row.erased_at,
        )

    async def add(self, person: RegisteredPerson) -> bool:
        added = await self._connection.execute(
            insert(persons)
            .values(id=stored_id("usr", person.id), created_at=person.created_at, **_changing(person))
            .on_conflict_do_nothing(index_elements=["email"])
        )
        return added.rowcount == 1

    async def change(self, person: RegisteredPerson) -> None:
        await self._connection.execute(
            update(persons).where(persons.c.id == stored_id("usr", person.id)).values(**_changing(person))
        )


def _changing(person: RegisteredPerson) -> dict[str, Any]:
    return {
        "email": person.email,
        "password_hash": person.password_hash,
        "email_verified_at": person.email_verified_at,
        "erased_at": person.erased_at,
    }


class PostgresIdentities:
    """By which names outside providers know persons."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def person_of(self, identity: Identity) -> str | None:
        query = select(person_identities.c.person_id).where(
            person_identities.c.issuer == identity.issuer, person_identities.c.subject == identity.subject
        )
        found: UUID | None = await self._connection.scalar(query)
        return None if found is None else outward_id("usr", found)

    async def add(self, identity: Identity, person_id: str, now: datetime) -> bool:
        added = await self._connection.execute(
            insert(person_identities)
            .values(
                issuer=identity.issuer,
                subject=identity.subject,
                person_id=stored_id("usr", person_id),
                created_at=now,
            )
            .on_conflict_do_nothing()
        )
        return added.rowcount == 1

    async def forget(self, person_id: str) -> None:
        of_person = person_identities.c.person_id == stored_id("usr", person_id)
        await self._connection.execute(delete(person_identities).where(of_person))


class PostgresMailedTokens:
    """Tokens that are sent by mail; one that was used is not there any more."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, digest: bytes, person_id: str, purpose: Purpose, now: datetime, expires_at: datetime) -> None:
        stored = stored_id("usr", person_id)
        await self._connection.execute(
            delete(mailed_tokens).where(mailed_tokens.c.person_id == stored, mailed_tokens.c.purpose == purpose.value)
        )
        await self._connection.execute(
            insert(mailed_tokens).values(
                digest=digest, person_id=stored, purpose=purpose.value, created_at=now, expires_at=expires_at
            )
        )

    async def person_of(self, digest: bytes, purpose: Purpose, now: datetime) -> str | None:
        query = select(mailed_tokens.c.person_id).where(
            mailed_tokens.c.digest == digest,
            mailed_tokens.c.purpose == purpose.value,
            mailed_tokens.c.expires_at > now,
        )
        found: UUID | None = await self._connection.scalar(query)
        return None if found is None else outward_id("usr", found)

    async def forget(self, person_id: str) -> None:
        of_person = mailed_tokens.c.person_id == stored_id("usr", person_id)
        await self._connection.execute(delete(mailed_tokens).where(of_person))

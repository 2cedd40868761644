"""Persons who have a password and belong to organisations, put straight into the database."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

from adapters.postgres.ids import stored_id
from entrypoints.container import Services
from tests.entrypoints.http.oauth.stage import Member
from tests.entrypoints.http.tenant import Json


class People:
    """Makes them, and takes them away."""

    def __init__(self, database: Any, services: Services, password_hash: str) -> None:
        self._database = database
        self._services = services
        self._password_hash = password_hash
        self._numbers = count(1)

    async def member(self, organisation_id: int, role: str | None) -> Member:
        """A new person, who has this role in the organisation; without one, it does not belong there."""
        services = self._services
        person_id, now = services.ids.new("usr"), services.clock.now()
        email = f"person-{next(self._numbers)}-{person_id[-6:]}@example.com"
        await self._database.execute(
            "INSERT INTO persons (id, email, password_hash, email_verified_at, created_at) VALUES ($1, $2, $3, $4, $4)",
            stored_id("usr", person_id),
            email,
            self._password_hash,
            now,
        )
        member = Member(person_id, email)
        if role is not None:
            await self.join(organisation_id, member, role)
        return member

    async def join(self, organisation_id: int, member: Member, role: str) -> None:
        """Have a person belong to one more organisation, in this role."""
        await self._database.execute(
            "INSERT INTO members (organisation_id, person_id, assignments, joined_at, version) "
            "VALUES ($1, $2, $3, $4, 1)",
            organisation_id,
            stored_id("usr", member.person_id),
            json.dumps([{"role": role}]),
            self._services.clock.now(),
        )

    async def remove(self, organisation_id: int, member: Member) -> None:
        """Take the member out of the organisation."""
        await self._database.execute(
            "DELETE FROM members WHERE organisation_id = $1 AND person_id = $2",
            organisation_id,
            stored_id("usr", member.person_id),
        )

    async def end_sessions(self, member: Member) -> None:
        """End all sessions of the person."""
        await self._database.execute(
            "UPDATE sessions SET revoked_at = now() WHERE person_id = $1", stored_id("usr", member.person_id)
        )

    async def sessions(self, member: Member) -> list[str]:
        """Whether each session of the person has `ended` or `lasts`, the first one first."""
        rows = await self._database.fetch(
            "SELECT revoked_at FROM sessions WHERE person_id = $1 ORDER BY created_at",
            stored_id("usr", member.person_id),
        )
        return ["lasts" if row["revoked_at"] is None else "ended" for row in rows]

    async def rows(self, table: str, organisation_id: int) -> int:
        """How many rows the organisation has in the table."""
        query = f"SELECT count(*) FROM {table} WHERE organisation_id = $1"  # noqa: S608 # a name of ours
        return int(await self._database.fetchval(query, organisation_id))

    async def let_time_pass(self, table: str, organisation_id: int, *, days: int = 0) -> None:
        """Let whatever expires in the table, for the organisation, have expired so many days ago."""
        await self._database.execute(
            f"UPDATE {table} SET expires_at = now() - interval '1 second' - $2::interval WHERE organisation_id = $1",  # noqa: S608 # a name of ours
            organisation_id,
            timedelta(days=days),
        )

    async def let_family_grow_older(self, member: Member, *, days: int) -> None:
        """Let the refresh tokens that act for the person be so many days older."""
        await self._database.execute(
            "UPDATE oauth_refresh_tokens "
            "SET began_at = began_at - $2::interval, expires_at = expires_at - $2::interval "
            "WHERE grant_id IN (SELECT id FROM oauth_grants WHERE person_id = $1)",
            stored_id("usr", member.person_id),
            timedelta(days=days),
        )

    @asynccontextmanager
    async def hidden(self, table: str) -> AsyncIterator[None]:
        """Have whoever looks into the table wait."""
        async with self._database.transaction():
            await self._database.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    async def events(self, organisation_id: int) -> list[Json]:
        """All events of the organisation's log."""
        rows = await self._database.fetch(
            "SELECT convert_from(content, 'UTF8') AS content FROM event_log WHERE stream_id = $1 ORDER BY sequence",
            organisation_id,
        )
        return [json.loads(row["content"]) for row in rows]

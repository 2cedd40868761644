"""Persons who have a password and belong to organisations, put straight into the database."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

from adapters.postgres.ids import stored_id
from application.identity.openid import LogInOrigin
from domain.shared.errors import NotAuthenticated
from entrypoints.container import Services
from tests.entrypoints.http.oauth.stage import PASSWORD, Member
from tests.entrypoints.http.tenant import Json


class _Session:
    def __init__(self, person_id: str, session_id: str) -> None:
        self.person_id = person_id
        self.session_id = session_id


class People:
    """Knows them, and logs them in."""

    def __init__(self, database: Any, services: Services) -> None:
        self._database = database
        self._services = services
        self._by_email: dict[str, str] = {}
        self._numbers = count(1)
        self.identities: list[tuple[str, str, str | None, bool]] = []

    async def member(self, organisation_id: int, role: str | None) -> Member:
        """A new person, who has this role in the organisation; without one, it does not belong there."""
        services = self._services
        person_id, now = services.ids.new("usr"), services.clock.now()
        email = f"person-{next(self._numbers)}-{person_id[-6:]}@example.com"
        await self._database.execute(
            "INSERT INTO persons (id, email, email_verified_at, created_at) VALUES ($1, $2, $3, $3)",
            stored_id("usr", person_id),
            email,
            now,
        )
        if role is not None:
            await self._database.execute(
                "INSERT INTO members (organisation_id, person_id, assignments, joined_at, version) "
                "VALUES ($1, $2, $3, $4, 1)",
                organisation_id,
                stored_id("usr", person_id),
                json.dumps([{"role": role}]),
                now,
            )
        self._by_email[email] = person_id
        return Member(person_id, email)

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

    async def sign_in(self, email: str, password: str, *, origin: LogInOrigin) -> _Session:
        person_id = self._by_email.get(email)
        if person_id is None or password != PASSWORD:
            raise NotAuthenticated("The e-mail address or the password is wrong.")
        return await self._begun(person_id)

    async def sign_in_by_identity(
        self, issuer: str, subject: str, email: str | None, email_verified: bool, *, origin: LogInOrigin
    ) -> _Session:
        self.identities.append((issuer, subject, email, email_verified))
        person_id = self._by_email.get(email or "")
        if person_id is None or not email_verified:
            raise NotAuthenticated("Nobody here has an account that belongs to this identity.")
        return await self._begun(person_id)

    async def _begun(self, person_id: str) -> _Session:
        session_id, now = self._services.ids.new("ses"), self._services.clock.now()
        await self._database.execute(
            "INSERT INTO sessions (id, person_id, created_at, last_used_at, expires_at) VALUES ($1, $2, $3, $3, $4)",
            stored_id("ses", session_id),
            stored_id("usr", person_id),
            now,
            now + timedelta(days=1),
        )
        return _Session(person_id, session_id)

    async def let_time_pass(self, table: str, organisation_id: int) -> None:
        """Let whatever expires in the table, for the organisation, have expired."""
        await self._database.execute(
            f"UPDATE {table} SET expires_at = now() - interval '1 second' WHERE organisation_id = $1",  # noqa: S608 # a name of ours
            organisation_id,
        )

    async def events(self, organisation_id: int) -> list[Json]:
        """All events of the organisation's log."""
        rows = await self._database.fetch(
            "SELECT convert_from(content, 'UTF8') AS content FROM event_log WHERE stream_id = $1 ORDER BY sequence",
            organisation_id,
        )
        return [json.loads(row["content"]) for row in rows]

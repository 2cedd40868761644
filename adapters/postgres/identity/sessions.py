"""Sessions of persons and their refresh tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.person_tables import session_tokens, sessions
from application.identity.person_ports import RefreshToken
from domain.identity.session import SESSIONS_MAX, Session
from domain.shared.chain import Origin

_USED_LAST: Final = (sessions.c.last_used_at.desc(), sessions.c.id.desc())


class PostgresSessions:
    """Sessions, inside one unit of work."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, session: Session, *, used: bytes | None = None, token: bytes | None = None) -> None:
        id = stored_id("ses", session.id)
        changing = {
            "last_used_at": session.last_used_at,
            "expires_at": session.expires_at,
            "address": session.origin.address,
            "user_agent": session.origin.user_agent,
        }
        await self._connection.execute(
            insert(sessions)
            .values(id=id, person_id=stored_id("usr", session.person_id), created_at=session.created_at, **changing)
            .on_conflict_do_update(index_elements=["id"], set_=changing)
        )
        if used is not None:
            is_used = session_tokens.c.digest == used
            await self._connection.execute(update(session_tokens).where(is_used).values(used_at=session.last_used_at))
        if token is not None:
            await self._connection.execute(
                insert(session_tokens).values(digest=token, session_id=id, created_at=session.last_used_at)
            )

    async def by_token(self, digest: bytes) -> RefreshToken | None:
        of_token = session_tokens.c.digest == digest
        session_id: UUID | None = await self._connection.scalar(select(session_tokens.c.session_id).where(of_token))
        if session_id is None:
            return None
        # Whether the token was used is read by a statement of its own, which begins when the session is ours.
        held = select(sessions).where(sessions.c.id == session_id).with_for_update()
        row = (await self._connection.execute(held)).one_or_none()
        used = (await self._connection.execute(select(session_tokens.c.used_at).where(of_token))).one_or_none()
        return None if row is None or used is None else RefreshToken(_session(row), used.used_at is not None)

    async def of(self, person_id: str, now: datetime) -> Sequence[Session]:
        query = select(sessions).where(*_lasting(person_id, now)).order_by(*_USED_LAST).limit(2 * SESSIONS_MAX)
        return [_session(row) for row in await self._connection.execute(query)]

    async def end(
        self, person_id: str, now: datetime, *, only: str | None = None, but: str | None = None, beyond: int = 0
    ) -> Sequence[str]:
        ending = select(sessions.c.id).where(*_lasting(person_id, now))
        if only is not None:
            ending = ending.where(sessions.c.id == stored_id("ses", only))
        if but is not None:
            ending = ending.where(sessions.c.id != stored_id("ses", but))
        ended = await self._connection.execute(
            update(sessions)
            .where(sessions.c.id.in_(ending.order_by(*_USED_LAST).offset(beyond)))
            .values(revoked_at=now)
            .returning(sessions.c.id)
        )
        return [outward_id("ses", id) for id in sorted(ended.scalars())]

    async def forget(self, person_id: str, *, ended_before: datetime | None = None) -> None:
        gone = delete(sessions).where(sessions.c.person_id == stored_id("usr", person_id))
        if ended_before is not None:
            gone = gone.where(or_(sessions.c.expires_at < ended_before, sessions.c.revoked_at < ended_before))
        await self._connection.execute(gone)


def _lasting(person_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    of_person = sessions.c.person_id == stored_id("usr", person_id)
    return of_person, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now


def _session(row: Any) -> Session:
    return Session(
        id=outward_id("ses", row.id),
        person_id=outward_id("usr", row.person_id),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        origin=Origin(address=row.address, user_agent=row.user_agent),
        revoked_at=row.revoked_at,
    )

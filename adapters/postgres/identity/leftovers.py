"""What is of no use any more: found by indexes on when that began."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, delete, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import invitations, tickets
from adapters.postgres.person_tables import mailed_tokens, person_identities, persons, security_log, sessions
from adapters.postgres.work import set_local
from application.identity.tidying import REGISTRATIONS_KEPT, SECURITY_LOG_KEPT, Removed


class PostgresLeftovers:
    """Leftovers of all persons and organisations, inside one unit of work."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def remove(self, now: datetime, limit: int, *, with_those_of_organisations: bool) -> Removed:
        before = now - SECURITY_LOG_KEPT
        events = select(security_log.c.id).where(security_log.c.at < before).order_by(security_log.c.at)
        ended = select(sessions.c.id).where(sessions.c.expires_at < before).order_by(sessions.c.expires_at)
        mailed = select(mailed_tokens.c.digest).where(mailed_tokens.c.expires_at <= now)
        # Whoever has registered again meanwhile, or has forgotten the password, has a token.
        is_used = (
            exists().where(mailed_tokens.c.person_id == persons.c.id)
            | exists().where(person_identities.c.person_id == persons.c.id)
            | exists().where(sessions.c.person_id == persons.c.id)
        )
        never_verified = select(persons.c.id).where(
            persons.c.email_verified_at.is_(None),
            persons.c.erased_at.is_(None),
            persons.c.created_at < now - REGISTRATIONS_KEPT,
            ~is_used,
        )
        return Removed(
            security_events=await self._remove(security_log, events, limit),
            sessions=await self._remove(sessions, ended, limit),
            mailed_tokens=await self._remove(mailed_tokens, mailed, limit),
            registrations=await self._remove(persons, never_verified, limit),
            **(await self._remove_those_of_organisations(now, limit) if with_those_of_organisations else {}),
        )

    async def _remove_those_of_organisations(self, now: datetime, limit: int) -> dict[str, int]:
        # A policy shows those whose time was over before that, whichever the organisation.
        await set_local(self._connection, "app.expired_before", now.isoformat())
        over = select(invitations.c.organisation_id, invitations.c.id).where(invitations.c.expires_at <= now)
        unused = select(tickets.c.organisation_id, tickets.c.digest).where(tickets.c.expires_at <= now)
        removed = {
            "invitations": await self._remove(invitations, over.order_by(invitations.c.expires_at), limit),
            "tickets": await self._remove(tickets, unused.order_by(tickets.c.expires_at), limit),
        }
        await set_local(self._connection, "app.expired_before", "")
        return removed

    async def _remove(self, table: Table, old: Select[*tuple[Any, ...]], limit: int) -> int:
        """Remove those that are named by whole keys: an index cannot be entered by what stands last in it."""
        key = tuple_(*[table.c[column.name] for column in old.selected_columns])
        chosen = old.limit(limit)
        # Rows that nobody may change cannot be locked before they are removed.
        if table not in (security_log, invitations, tickets):
            chosen = chosen.with_for_update(skip_locked=True, of=table)
        gone = await self._connection.execute(delete(table).where(key.in_(chosen)))
        return gone.rowcount

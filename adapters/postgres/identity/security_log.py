"""What happened to persons' log-ins."""

from sqlalchemy import Delete, delete, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.access_tables import request_origins
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.person_tables import security_log
from adapters.postgres.work import set_local
from application.identity.person_ports import SecurityEvent
from application.shared.pagination import Page, PageRequest
from domain.shared.chain import Origin


class PostgresSecurityLog:
    """The log, inside one unit of work; its numbers say in which order things happened."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, event: SecurityEvent) -> None:
        await self._connection.execute(
            insert(security_log).values(
                at=event.at,
                type=event.type,
                person_id=None if event.person_id is None else stored_id("usr", event.person_id),
                address=event.origin.address,
                user_agent=event.origin.user_agent,
                details=dict(event.details),
            )
        )

    async def page(self, person_id: str, page: PageRequest) -> Page[SecurityEvent]:
        query = select(security_log).where(security_log.c.person_id == stored_id("usr", person_id))
        if page.after is not None:
            query = query.where(security_log.c.id < page.after[0])
        rows = (await self._connection.execute(query.order_by(security_log.c.id.desc()).limit(page.limit + 1))).all()
        shown = [
            SecurityEvent(
                row.type,
                row.at,
                outward_id("usr", row.person_id),
                Origin(address=row.address, user_agent=row.user_agent),
                row.details,
            )
            for row in rows[: page.limit]
        ]
        return Page(shown, (rows[page.limit - 1].id,) if len(rows) > page.limit else None)

    async def forget(self, person_id: str) -> None:
        of_person = security_log.c.person_id == stored_id("usr", person_id)
        await self._connection.execute(delete(security_log).where(of_person))
        # A policy shows everyone the origins of its own requests, whichever the organisation.
        await set_local(self._connection, "app.actor", person_id)
        await self._connection.execute(origins_erased(person_id))
        await set_local(self._connection, "app.actor", "")


def origins_erased(person_id: str) -> Delete:
    """Return the statement that erases from where a person acted; the index is of persons, as all ids of them begin."""
    actor = request_origins.c.actor
    return delete(request_origins).where(actor == person_id, literal_column("actor >= 'usr_' AND actor < 'usr`'"))

"""Organisations, their logs and their API keys."""

from datetime import datetime
from typing import Final

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.identity.held_persons import hold_existing
from adapters.postgres.identity.keys import api_key_of
from adapters.postgres.identity.team import PostgresTeam
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.tables import api_keys, organisations
from adapters.postgres.work import tenant_transaction, tenant_view
from domain.identity.api_key import ApiKey
from domain.identity.events import OrganisationCreated, QuotasSet
from domain.identity.member import Member
from domain.identity.member_events import MemberJoined
from domain.shared.chain import Author
from domain.shared.quotas import Quotas

FOUNDING: Final = "system:founding"


class PostgresOrganisations:
    """Where organisations come into being, and where keys are looked up."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, name: str, *, event_id: str, author: Author, now: datetime) -> int:
        organisation_id = await self._new_number()
        async with tenant_transaction(self._engine, organisation_id) as connection:
            await _create(connection, organisation_id, name, event_id, author, now)
        return organisation_id

    async def found(
        self,
        name: str,
        founder: Member,
        quotas: Quotas,
        *,
        event_ids: tuple[str, str, str],
        author: Author,
        now: datetime,
    ) -> int | None:
        organisation_id = await self._new_number()
        async with tenant_transaction(self._engine, organisation_id) as connection:
            if not await hold_existing(connection, founder.person):
                return None
            await _create(connection, organisation_id, name, event_ids[0], author, now)
            team = PostgresTeam(connection, organisation_id)
            await team.members.put(founder)
            joined = MemberJoined(founder.person, None, founder.assignments)
            await team.log.record(joined, id=event_ids[1], author=author, now=now)
            if quotas != Quotas():
                await team.profile.set_quotas(quotas)
                # Nobody has asked for them: they are the server's.
                by_server = Author(FOUNDING, author.request_id)
                await team.log.record(QuotasSet(Quotas(), quotas), id=event_ids[2], author=by_server, now=now)
        return organisation_id

    async def _new_number(self) -> int:
        async with self._engine.connect() as connection:
            number: int = await connection.scalar(text("SELECT nextval('stream_numbers')"))
        return number

    async def key_of(self, organisation_id: int, digest: bytes) -> ApiKey | None:
        async with tenant_view(self._engine, organisation_id) as connection:
            query = select(api_keys).where(api_keys.c.organisation_id == organisation_id, api_keys.c.digest == digest)
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else api_key_of(row)


async def _create(
    connection: AsyncConnection, organisation_id: int, name: str, event_id: str, author: Author, now: datetime
) -> None:
    await connection.execute(insert(organisations).values(id=organisation_id, name=name, created_at=now))
    log = PostgresOrganisationLog(connection, organisation_id)
    await log.record(OrganisationCreated(name), id=event_id, author=author, now=now)

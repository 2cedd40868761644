"""Files of organisations, and contents that are none."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Delete, case, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.file_tables import attachments, files, loose_contents
from adapters.postgres.identity.quotas import quotas_of, used_bytes
from adapters.postgres.organisation_log import PostgresOrganisationLog
from adapters.postgres.work import set_local, tenant_transaction, tenant_view, transaction_of_nobody
from application.attachments.ports import FileRef, LooseContent, StoredFile
from domain.attachments.refusals import UploadNotFound


class PostgresFiles:
    """The files of a database's organisations, each in a transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def announce(self, organisation_id: int, place: str, due_at: datetime) -> int | None:
        async with tenant_transaction(self._engine, organisation_id) as connection:
            row = {"organisation_id": organisation_id, "place": place, "due_at": due_at}
            await connection.execute(insert(loose_contents).values(**row))
            quota = (await quotas_of(connection, organisation_id)).storage_bytes
            return None if quota is None else max(0, quota - await used_bytes(connection, organisation_id))

    async def keep(self, organisation_id: int, file: StoredFile, now: datetime, check_at: datetime) -> StoredFile:
        async with tenant_transaction(self._engine, organisation_id) as connection:
            row = {"organisation_id": organisation_id, "sha256": file.sha256, "created_at": now, "check_at": check_at}
            statement = upsert(files).values(size=file.size, place=file.place, **row)
            # Of two who bring the same content, the second waits here, and gets what the first has kept.
            kept = await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["organisation_id", "sha256"],
                    set_={"check_at": func.greatest(files.c.check_at, statement.excluded.check_at)},
                ).returning(files.c.place)
            )
            place = kept.scalar_one()
            if place == file.place:
                await self._require_room(connection, organisation_id)
                announced = await connection.execute(_loose(organisation_id, place))
                if announced.rowcount == 0:
                    raise UploadNotFound("The upload took so long that it was given up. Send it again.")
        return StoredFile(file.sha256, file.size, place)

    async def _require_room(self, connection: AsyncConnection, organisation_id: int) -> None:
        quotas = await quotas_of(connection, organisation_id)
        if quotas.storage_bytes is None:
            return
        # One after the other, so that two files do not take the same room.
        await PostgresOrganisationLog(connection, organisation_id).hold()
        used = await used_bytes(connection, organisation_id)
        if used > quotas.storage_bytes and (full := quotas.storage_exceeded(used)) is not None:
            raise full.refusal()

    async def has_announced(self, organisation_id: int, place: str, now: datetime) -> bool:
        query = select(loose_contents.c.place).where(
            loose_contents.c.organisation_id == organisation_id,
            loose_contents.c.place == place,
            loose_contents.c.due_at > now,
        )
        async with tenant_view(self._engine, organisation_id) as connection:
            return await connection.scalar(query) is not None

    async def find(self, organisation_id: int, sha256: bytes) -> StoredFile | None:
        query = select(files.c.sha256, files.c.size, files.c.place).where(
            files.c.organisation_id == organisation_id, files.c.sha256 == sha256
        )
        async with tenant_view(self._engine, organisation_id) as connection:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else StoredFile(*row)

    async def withdraw(self, organisation_id: int, place: str) -> None:
        async with tenant_transaction(self._engine, organisation_id) as connection:
            await connection.execute(_loose(organisation_id, place))


class PostgresUnusedFiles:
    """What is due across all organisations: policies show it, whichever the organisation."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def to_check(self, now: datetime, limit: int) -> Sequence[FileRef]:
        query = (
            select(files.c.organisation_id, files.c.sha256)
            .where(files.c.check_at <= now)
            .order_by(files.c.check_at)
            .limit(limit)
        )
        return [FileRef(*row) for row in await self._due(query, now)]

    async def to_erase(self, now: datetime, limit: int) -> Sequence[LooseContent]:
        query = (
            select(loose_contents.c.organisation_id, loose_contents.c.place)
            .where(loose_contents.c.due_at <= now)
            .order_by(loose_contents.c.due_at)
            .limit(limit)
        )
        return [LooseContent(*row) for row in await self._due(query, now)]

    async def _due(self, query: Any, now: datetime) -> Sequence[Any]:
        async with transaction_of_nobody(self._engine) as connection:
            await set_local(connection, "app.expired_before", now.isoformat())
            return (await connection.execute(query)).all()

    async def check(self, file: FileRef, now: datetime, retention: timedelta) -> None:
        organisation_id, sha256 = file.organisation_id, file.sha256
        own = (files.c.organisation_id == organisation_id, files.c.sha256 == sha256)
        is_attached = attachments.c.removed_at.is_(None)
        # Where it was attached last, and until when it was: null is that it still is, no row that it never was.
        last = (
            select(case((is_attached, None), else_=attachments.c.removed_at + literal(retention)).label("until"))
            .where(attachments.c.organisation_id == organisation_id, attachments.c.sha256 == sha256)
            .order_by(is_attached.desc(), attachments.c.removed_at.desc())
            .limit(1)
        )
        async with tenant_transaction(self._engine, organisation_id) as connection:
            # Whoever brings the same content meanwhile waits for this, or has made it a file that is not due.
            found = (
                await connection.execute(select(files.c.place).where(*own, files.c.check_at <= now).with_for_update())
            ).one_or_none()
            if found is None:
                return
            used = (await connection.execute(last)).one_or_none()
            if used is not None and (used.until is None or used.until > now):
                await connection.execute(update(files).where(*own).values(check_at=used.until))
                return
            await connection.execute(delete(files).where(*own))
            row = {"organisation_id": organisation_id, "place": found.place, "due_at": now}
            await connection.execute(insert(loose_contents).values(**row))


def _loose(organisation_id: int, place: str) -> Delete:
    return delete(loose_contents).where(
        loose_contents.c.organisation_id == organisation_id, loose_contents.c.place == place
    )

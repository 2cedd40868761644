"""Which jobs are due across all organisations, and by whom each is run."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, Table, func, not_, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.job_tables import due_jobs, job_turns, jobs
from adapters.postgres.jobs.rows import changing, due_row, from_now, job_of
from adapters.postgres.work import tenant_transaction, transaction_of_nobody
from domain.jobs.job import LAST_PAUSE, Job, JobRef, JobState

# No pause and no lease is longer: what is due later than that was written before the database's clock was set back.
_FAR: Final = LAST_PAUSE + timedelta(minutes=1)


class PostgresJobLeases:
    """Leases of jobs: found as nobody, and taken as the organisation that a job is of."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def due(self, *, busy: Collection[int], limit: int) -> Sequence[JobRef]:
        # One job of each organisation, so that who has many keeps no other waiting.
        of_turn = job_turns.c
        # What is due is found by its time, before it is put in any other order: else all that ever was would be read.
        now = _statement_began()
        due = (
            union_all(_waiting(due_jobs.c.due_at <= now), _waiting(due_jobs.c.due_at > now + _FAR))
            .cte("due")
            .prefix_with("MATERIALIZED")
        )
        first = (
            select(due.c.organisation_id, due.c.job_id, due.c.due_at)
            .where(due.c.organisation_id.not_in(busy))
            .order_by(due.c.organisation_id, due.c.due_at)
            .ext(distinct_on(due.c.organisation_id))
            .subquery()
        )
        query = (
            select(first.c.organisation_id, first.c.job_id)
            .outerjoin(job_turns, of_turn.organisation_id == first.c.organisation_id)
            .order_by(of_turn.served_at.asc().nulls_first(), first.c.due_at)
        )
        return await self._found(query.limit(limit))

    async def claim(self, ref: JobRef, lease: str, now: datetime, length: timedelta) -> Job | None:
        of = jobs.c
        claiming = (
            update(jobs)
            .where(
                of.organisation_id == ref.organisation_id,
                of.id == stored_id("job", ref.id),
                of.finished_at.is_(None),
                _is_due(jobs),
            )
            .values(
                state=JobState.RUNNING.value,
                lease=stored_id("lease", lease),
                attempts=of.attempts + 1,
                due_at=from_now(length),
                started_at=func.coalesce(of.started_at, now),
            )
            .returning(jobs)
        )
        async with tenant_transaction(self._engine, ref.organisation_id) as connection:
            row = (await connection.execute(claiming)).mappings().one_or_none()
            if row is None:
                return None
            await connection.execute(due_row(ref, due_at=row["due_at"], finished_at=None))
            turn = {"served_at": func.clock_timestamp()}
            await connection.execute(
                upsert(job_turns)
                .values(organisation_id=ref.organisation_id, **turn)
                .on_conflict_do_update(index_elements=["organisation_id"], set_=turn)
            )
        return job_of(row)

    async def renew(self, job: Job, length: timedelta) -> bool:
        async with tenant_transaction(self._engine, job.organisation_id) as connection:
            renewing = changing(job, was=job).values(due_at=from_now(length)).returning(jobs.c.due_at)
            until = await connection.scalar(renewing)
            if until is not None:
                await connection.execute(due_row(job.ref, due_at=until, finished_at=None))
        return until is not None

    async def over(self, now: datetime, limit: int) -> Sequence[JobRef]:
        of = due_jobs.c
        query = select(of.organisation_id, of.job_id).where(of.is_over, of.due_at <= now)
        return await self._found(query.order_by(of.due_at).limit(limit))

    async def _found(self, query: Select[int, UUID]) -> list[JobRef]:
        async with transaction_of_nobody(self._engine) as connection:
            return [JobRef(row[0], outward_id("job", row[1])) for row in await connection.execute(query)]


def _waiting(is_due: ColumnElement[bool]) -> "Select[int, UUID, datetime]":
    of = due_jobs.c
    return select(of.organisation_id, of.job_id, of.due_at).where(not_(of.is_over), is_due)


def _is_due(table: Table) -> ColumnElement[bool]:
    now = _statement_began()
    return or_(table.c.due_at <= now, table.c.due_at > now + _FAR)


def _statement_began() -> ColumnElement[datetime]:
    # Unlike the time that goes on meanwhile, it can be looked up in the index.
    return func.statement_timestamp(type_=DateTime(timezone=True))

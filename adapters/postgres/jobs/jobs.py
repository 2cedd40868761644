"""The jobs of organisations, each in a transaction of its own."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, FromClause, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.identity.pages import page_by_id
from adapters.postgres.ids import stored_id
from adapters.postgres.job_tables import due_jobs, job_inputs, jobs
from adapters.postgres.jobs.rows import changing, changing_values, due_row, job_of
from adapters.postgres.ledger.readers.lookups import ledger_id_of
from adapters.postgres.work import tenant_transaction, tenant_view
from application.jobs.ports import JobFilter, JobPart
from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from domain.jobs.job import Job, JobRef
from domain.shared.errors import QuotaExceeded

WAITING_MAX: Final = 100


class PostgresJobs:
    """Keeps jobs. An organisation has at most 100 that have not ended, and so many bytes of parts of all of them."""

    def __init__(self, engine: AsyncEngine, *, bytes_max: int) -> None:
        self._engine = engine
        self._bytes_max = bytes_max

    async def require_ledger(self, organisation_id: int, slug: str) -> None:
        async with tenant_view(self._engine, organisation_id) as connection:
            await ledger_id_of(connection, organisation_id, slug)

    async def add(self, job: Job, parts: Iterable[JobPart], key: IdempotencyKey | None) -> Job:
        async with tenant_transaction(self._engine, job.organisation_id) as connection:
            await ledger_id_of(connection, job.organisation_id, job.ledger)
            known = None if key is None else await _made_by(connection, job.organisation_id, key)
            if known is not None:
                return known
            used = await self._bytes_used(connection, job.organisation_id)
            values = {
                "organisation_id": job.organisation_id,
                "id": stored_id("job", job.id),
                "kind": job.kind.value,
                "ledger": job.ledger,
                "arguments": dict(job.arguments),
                "idempotency_key": None if key is None else key.key,
                "fingerprint": None if key is None else key.fingerprint,
                "done": job.progress.done,
                "total": job.progress.total,
                "unit": job.progress.unit,
                "parts_done": job.parts_done,
                "created_at": job.created_at,
                "kept_bytes": 0,
                **changing_values(job),
            }
            made = await connection.execute(upsert(jobs).values(values).on_conflict_do_nothing(constraint="jobs_key"))
            if key is not None and not made.rowcount:  # by another request with the same key, at the same moment
                known = await _made_by(connection, job.organisation_id, key)
                assert known is not None, "what is in conflict is there"
                return known
            kept = await _add_parts(connection, job, parts, used=used, bytes_max=self._bytes_max)
            due_at = await connection.scalar(
                update(jobs)
                .where(jobs.c.organisation_id == job.organisation_id, jobs.c.id == values["id"])
                .values(kept_bytes=kept)
                .returning(jobs.c.due_at)
            )
            await connection.execute(due_row(job.ref, due_at=due_at, finished_at=job.finished_at))
        return job

    async def job(self, ref: JobRef) -> Job | None:
        query = select(jobs).where(jobs.c.organisation_id == ref.organisation_id, jobs.c.id == stored_id("job", ref.id))
        async with tenant_view(self._engine, ref.organisation_id) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else job_of(row)

    async def page(self, organisation_id: int, page: PageRequest, wanted: JobFilter) -> Page[Job]:
        judge = partial(_fits, wanted) if _fits(wanted, jobs) else None
        async with tenant_view(self._engine, organisation_id) as connection:
            rows, after = await page_by_id(connection, jobs, "id", organisation_id, page, prefix="job", judge=judge)
        return Page([job_of(row) for row in rows], after)

    async def change(self, job: Job, *, was: Job) -> bool:
        async with tenant_transaction(self._engine, job.organisation_id) as connection:
            if was.state.is_end and not job.state.is_end:
                await _require_another(connection, job.organisation_id)
            change = changing(job, was=was).values(changing_values(job)).returning(jobs.c.due_at)
            changed = (await connection.execute(change)).one_or_none()
            if changed is not None:
                await connection.execute(due_row(job.ref, due_at=changed.due_at, finished_at=job.finished_at))
        return changed is not None

    async def remove(self, ref: JobRef) -> None:
        id = stored_id("job", ref.id)
        async with tenant_transaction(self._engine, ref.organisation_id) as connection:
            # What it worked on and what it made goes with it.
            await connection.execute(
                delete(jobs).where(
                    jobs.c.organisation_id == ref.organisation_id, jobs.c.id == id, jobs.c.finished_at.is_not(None)
                )
            )
            await connection.execute(
                delete(due_jobs).where(
                    due_jobs.c.organisation_id == ref.organisation_id, due_jobs.c.job_id == id, due_jobs.c.is_over
                )
            )

    async def _bytes_used(self, connection: AsyncConnection, organisation_id: int) -> int:
        """Return how many bytes the parts of other jobs take, if there is room for more. Raises `QuotaExceeded`."""
        await _require_another(connection, organisation_id)
        kept = func.coalesce(func.sum(jobs.c.kept_bytes), 0)
        query = select(kept).where(jobs.c.organisation_id == organisation_id, jobs.c.kept_bytes > 0)
        used = int((await connection.execute(query)).scalar_one())
        if used >= self._bytes_max:
            raise _too_many_bytes(used, self._bytes_max)
        return used


def _fits(wanted: JobFilter, looked_at: FromClause) -> Sequence[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.states:
        where.append(looked_at.c.state.in_([state.value for state in wanted.states]))
    if wanted.kinds:
        where.append(looked_at.c.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.ledger is not None:
        where.append(looked_at.c.ledger == wanted.ledger)
    if wanted.actor is not None:
        where.append(looked_at.c.actor == wanted.actor)
    return where


async def _require_another(connection: AsyncConnection, organisation_id: int) -> None:
    """Return if the organisation may have another job that has not ended; nobody else adds one until we are done.

    Raises `QuotaExceeded`.
    """
    name = f"jobs of {organisation_id}"
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    query = select(func.count()).where(jobs.c.organisation_id == organisation_id, jobs.c.finished_at.is_(None))
    unfinished = (await connection.execute(query)).scalar_one()
    if unfinished >= WAITING_MAX:
        raise QuotaExceeded(
            f"{unfinished} jobs of the organisation have not ended, and there can be {WAITING_MAX}: wait, or cancel "
            "one.",
            facts={"quota": "jobs", "used": str(unfinished), "limit": str(WAITING_MAX)},
        )


async def _made_by(connection: AsyncConnection, organisation_id: int, key: IdempotencyKey) -> Job | None:
    query = select(jobs).where(jobs.c.organisation_id == organisation_id, jobs.c.idempotency_key == key.key)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    key.require_same_request(row["fingerprint"])
    return job_of(row)


async def _add_parts(
    connection: AsyncConnection, job: Job, parts: Iterable[JobPart], *, used: int, bytes_max: int
) -> int:
    """Write the parts, and return how long they are together. Raises `QuotaExceeded`."""
    kept = 0
    for part in parts:
        kept += len(part.content)
        if used + kept > bytes_max:
            raise _too_many_bytes(used, bytes_max)
        await connection.execute(
            insert(job_inputs).values(
                organisation_id=job.organisation_id,
                job_id=stored_id("job", job.id),
                number=part.number,
                first=part.first,
                content=part.content,
            )
        )
    return kept


def _too_many_bytes(used: int, limit: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"What other jobs of the organisation work on and have made takes {used:,} of {limit:,} bytes, and there is no "
        "room for this one: wait for those that run, remove some that have ended, or import in parts.",
        facts={"quota": "job_bytes", "used": str(used), "limit": str(limit)},
    )

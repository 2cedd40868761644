"""What jobs work on and what they have made, part by part."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Table, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.ids import stored_id
from adapters.postgres.job_tables import job_inputs, job_results, jobs
from adapters.postgres.jobs.rows import changing
from adapters.postgres.work import tenant_transaction, tenant_view
from application.jobs.ports import JobPart, LeaseLost
from domain.jobs.job import Job, JobRef


class PostgresJobParts:
    """Parts of jobs: a result takes the place of what it was made of, in the transaction that says so."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def input(self, ref: JobRef, number: int) -> JobPart | None:
        query = select(job_inputs.c.first, job_inputs.c.content).where(*_is(job_inputs, ref, number))
        async with tenant_view(self._engine, ref.organisation_id) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else JobPart(number, row.first, row.content)

    async def result(self, ref: JobRef, number: int) -> bytes | None:
        query = select(job_results.c.content).where(*_is(job_results, ref, number))
        async with tenant_view(self._engine, ref.organisation_id) as connection:
            content: bytes | None = await connection.scalar(query)
        return content

    async def advance(self, job: Job, number: int, content: bytes, done: int) -> Job:
        ref = job.ref
        async with tenant_transaction(self._engine, job.organisation_id) as connection:
            # Who comes further has not been begun in vain. This also locks the row: nobody else comes in between.
            moved = changing(job, was=job).values(done=done, parts_done=number + 1, attempts=1)
            if not (await connection.execute(moved)).rowcount:
                raise LeaseLost
            before = delete(job_results).where(*_of(job_results, ref), job_results.c.number >= number)
            freed = await _freed(connection, job_results, before)
            freed += await _freed(connection, job_inputs, delete(job_inputs).where(*_is(job_inputs, ref, number)))
            await connection.execute(
                insert(job_results).values(
                    organisation_id=ref.organisation_id, job_id=_id(ref), number=number, content=content
                )
            )
            kept = jobs.c.kept_bytes + len(content) - freed
            await connection.execute(changing(job, was=job).values(kept_bytes=kept))
        return replace(job, progress=replace(job.progress, done=done), parts_done=number + 1, attempts=1)


async def _freed(connection: AsyncConnection, table: Table, deletion: Delete) -> int:
    """Delete the parts, and return how long they were together."""
    lengths = await connection.scalars(deletion.returning(func.octet_length(table.c.content)))
    return sum(lengths)


def _id(ref: JobRef) -> UUID | None:
    return stored_id("job", ref.id)


def _of(table: Table, ref: JobRef) -> tuple[Any, Any]:
    return table.c.organisation_id == ref.organisation_id, table.c.job_id == _id(ref)


def _is(table: Table, ref: JobRef, number: int) -> tuple[Any, Any, Any]:
    return (*_of(table, ref), table.c.number == number)

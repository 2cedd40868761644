"""Jobs as rows."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, RowMapping, Update, func, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.job_tables import due_jobs, jobs
from domain.jobs.job import JOBS_KEPT, Job, JobAuthor, JobKind, JobRef, JobState, Progress
from domain.shared.access import Permission

_KNOWN: Final = {permission.value: permission for permission in Permission}


def job_of(row: RowMapping) -> Job:
    """Return the job that a row is. Permissions that only a newer server knows allow nothing here."""
    lease: UUID | None = row["lease"]
    return Job(
        organisation_id=row["organisation_id"],
        id=outward_id("job", row["id"]),
        kind=JobKind(row["kind"]),
        ledger=row["ledger"],
        arguments=row["arguments"],
        author=JobAuthor(
            row["actor"],
            row["credential"],
            frozenset([_KNOWN[name] for name in row["permissions"] if name in _KNOWN]),
        ),
        request_id=row["request_id"],
        progress=Progress(row["done"], row["total"], row["unit"]),
        created_at=row["created_at"],
        state=JobState(row["state"]),
        parts_done=row["parts_done"],
        attempts=row["attempts"],
        lease=None if lease is None else outward_id("lease", lease),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        problem=row["problem"],
        result_type=row["result_type"],
        kept_bytes=row["kept_bytes"],
        retry_key=row["retry_key"],
    )


def changing_values(job: Job) -> dict[str, Any]:
    """Return what can change of a job, besides how far it is and until when someone runs it."""
    assert job.state is not JobState.RUNNING, "until when a job is run, leases alone say"
    return {
        "state": job.state.value,
        "actor": job.author.actor,
        "credential": job.author.credential,
        "permissions": sorted(each.value for each in job.author.permissions),
        "request_id": job.request_id,
        "attempts": job.attempts,
        "lease": stored_lease(job),
        "due_at": None if job.state.is_end else from_now(job.pause),
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "problem": None if job.problem is None else dict(job.problem),
        "result_type": job.result_type,
        "retry_key": job.retry_key,
    }


def from_now(pause: timedelta) -> ColumnElement[datetime]:
    """Return when so much time has passed, by the clock of the database: the servers' may differ, and jump."""
    return func.clock_timestamp(type_=DateTime(timezone=True)) + pause


def stored_lease(job: Job) -> UUID | None:
    """Return by whom a job is run, as it is stored."""
    return None if job.lease is None else stored_id("lease", job.lease)


def changing(job: Job, *, was: Job) -> Update:
    """Return the statement by which a job changes that still is what it was; nothing is null there but the lease."""
    of = jobs.c
    return update(jobs).where(
        of.organisation_id == job.organisation_id,
        of.id == stored_id("job", job.id),
        of.state == was.state.value,
        of.lease.is_not_distinct_from(stored_lease(was)),
    )


def due_row(ref: JobRef, *, due_at: datetime | None, finished_at: datetime | None) -> Insert:
    """Return the statement that says when a job is to be begun; or forgotten, once it has ended."""
    at = due_at if finished_at is None else finished_at + JOBS_KEPT
    assert at is not None, "what has not ended is due at some time"
    values = {"is_over": finished_at is not None, "due_at": at}
    return (
        upsert(due_jobs)
        .values(organisation_id=ref.organisation_id, job_id=stored_id("job", ref.id), **values)
        .on_conflict_do_update(index_elements=["organisation_id", "job_id"], set_=values)
    )

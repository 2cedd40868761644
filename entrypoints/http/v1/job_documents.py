"""Jobs as they are shown, and the headers of requests that make some."""

import hashlib
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.shared.idempotency import IdempotencyKey
from domain.jobs.job import Job
from domain.shared.chain import format_time
from entrypoints.http.dependencies import KeyHeader


class ProgressDocument(TypedDict):
    """How much is done, of how much, counted in `unit`."""

    done: int
    total: int
    unit: str


class JobDocument(TypedDict):
    """A job. Its `state` is `queued`, `running`, `done`, `failed`, `dead` or `cancelled`.

    `problem` says why it failed, or was interrupted last, as a problem without `status`. `result` is where that can be
    fetched, once there is one. `attempts` are those since it last came further.
    """

    id: str
    kind: str
    ledger: str
    state: str
    progress: ProgressDocument
    arguments: dict[str, Any]
    created_by: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    attempts: int
    problem: dict[str, Any] | None
    result: str | None


def job_document(job: Job) -> JobDocument:
    """Return a job as it is shown."""
    progress = job.progress
    return {
        "id": job.id,
        "kind": job.kind.value,
        "ledger": job.ledger,
        "state": job.state.value,
        "progress": {"done": progress.done, "total": progress.total, "unit": progress.unit},
        "arguments": dict(job.arguments),
        "created_by": job.author.actor,
        "created_at": format_time(job.created_at),
        "started_at": None if job.started_at is None else format_time(job.started_at),
        "finished_at": None if job.finished_at is None else format_time(job.finished_at),
        "attempts": job.attempts,
        "problem": None if job.problem is None else dict(job.problem),
        "result": f"/v1/jobs/{job.id}/result" if job.state.is_end and job.parts_done else None,
    }


def accepted(job: Job, response: Response, *, is_known: bool) -> JobDocument:
    """Return a job that was asked for, and set the headers that tell where it is."""
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    if is_known:
        response.headers["Idempotency-Replayed"] = "true"
    return job_document(job)


def _key_of_url(request: Request, key: KeyHeader = None) -> IdempotencyKey | None:
    """Return the key of a request that says all in its URL. Raises `ValidationFailed`."""
    if key is None:
        return None
    url = b"%b?%b" % (request.scope["path"].encode(), request.scope["query_string"])
    return IdempotencyKey(key, hashlib.sha256(url).digest())


KeyOfUrl = Annotated[IdempotencyKey | None, Depends(_key_of_url)]

"""Jobs: what is done in the background, how far it is, and what it has made."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from application.jobs.ports import JobFilter
from application.ledger.relay import HEARTBEAT_SECONDS
from application.shared.ports import StoreUnavailable
from domain.jobs.job import Job, JobKind, JobState
from domain.shared.errors import DomainError
from entrypoints.http.credentials import principal_now
from entrypoints.http.dependencies import Caller, CallerDependency, StrictRoute
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.openapi import described_list, described_problems
from entrypoints.http.pagination import Field, ListDocument, ListSpec
from entrypoints.http.server_sent import (
    DESCRIBED_STREAM,
    EVENT_STREAM,
    SIGN_OF_LIFE,
    ReaderDependency,
    frame,
    problem_frame,
    sent_events,
)
from entrypoints.http.v1.formats import accepted_type
from entrypoints.http.v1.job_documents import JobDocument, KeyOfUrl, accepted, job_document

router = APIRouter(route_class=StrictRoute, tags=["jobs"])

LOOK_SECONDS: Final = 0.5
_JSON: Final = "application/json"
JOBS: Final = ListSpec(
    sorts=("-created_at", "created_at"),
    fields=(
        Field("state", ("", "in"), "How it stands with them.", known=[each.value for each in JobState]),
        Field("kind", ("", "in"), "What they do.", known=[each.value for each in JobKind]),
        Field("ledger", description="In which ledger."),
    ),
)


@router.get(
    "/jobs", summary="List jobs", openapi_extra=described_list(JOBS), responses=described_problems(400, 401, 403)
)
async def list_jobs(who: CallerDependency, request: Request, response: Response) -> ListDocument[JobDocument]:
    """Return a page of jobs, the latest first.

    Whoever has `jobs:read` in some ledgers only, or on some accounts, sees its own; or all of the ledger that it names.
    """
    query = JOBS.read(request, who)
    wanted = JobFilter(
        [JobState(each) for each in query.values("state")],
        [JobKind(each) for each in query.values("kind")],
        query.value("ledger", str),
    )
    page = await who.services.jobs.list(who.principal, query.page, wanted)
    return query.document(page, job_document, response)


@router.get(
    "/jobs/{id}",
    summary="Get or follow a job",
    response_model=JobDocument,
    responses={
        **described_problems(401, 403, 404, 406),
        200: DESCRIBED_STREAM,
    },
)
async def get_job(id: str, who: ReaderDependency, request: Request) -> Response:
    """Return a job: its state, how far it is, and where its result is.

    With `Accept: text/event-stream` the answer goes on until the job has ended: an event `job` whenever it changes.
    """
    job = await who.services.jobs.get(who.principal, id)
    if accepted_type(request, (_JSON, EVENT_STREAM)) == _JSON:
        return Response(orjson.dumps(job_document(job)), media_type=_JSON, headers={"Vary": "Accept"})
    return sent_events(_changes(who, LastingPrincipal(who.principal, principal_now(request)), job))


@router.get(
    "/jobs/{id}/result",
    summary="Get what a job has made",
    response_class=Response,
    responses={
        **described_problems(401, 403, 404, 409),
        200: {
            "content": {each: {"schema": {"type": "string"}} for each in ("application/x-ndjson", _JSON, "text/csv")}
        },
    },
)
async def get_result(id: str, who: CallerDependency, request: Request) -> Response:
    """Return what a job that has ended has made: a report, or a line for each transaction of an import.

    It takes the permission that making it takes, too: `reports:read` or `transactions:post`. Results are kept for 30
    days after the job has ended.
    """
    lasting = LastingPrincipal(who.principal, principal_now(request))
    job, parts = await who.services.jobs.result(who.principal, id, lasting.now)
    # The first one is read before the answer begins, so that a refusal is a problem. A later one cuts the answer off.
    first = await anext(parts)
    name = f"{job.id}.{_ending(job)}"
    return StreamingResponse(
        _joined(first, parts),
        media_type=job.result_type or "application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post("/jobs/{id}/retry", summary="Try a job again", responses=described_problems(400, 401, 403, 404, 409))
async def retry_job(id: str, key: KeyOfUrl, who: CallerDependency, response: Response) -> JobDocument:
    """Have a job that failed, died or was cancelled go on where it came to, in your name.

    One that waits or runs is left as it is. It takes what reading its result takes: of a job of someone else, its own
    permission (`reports:read` or `transactions:post`) on all accounts of the ledger.
    """
    job, is_known = await who.services.jobs.retry(who.principal, id, request_id=who.request_id, key=key)
    return accepted(job, response, is_known=is_known)


@router.delete(
    "/jobs/{id}", status_code=204, summary="Cancel or remove a job", responses=described_problems(401, 403, 404)
)
async def delete_job(id: str, who: CallerDependency) -> None:
    """Cancel a job, of which what is done stays done; or remove one that has ended, with its result."""
    await who.services.jobs.cancel(who.principal, id)


def _ending(job: Job) -> str:
    if job.kind is JobKind.IMPORT:
        return "ndjson"
    return "csv" if (job.result_type or "").startswith("text/csv") else "json"


async def _joined(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in others:
        yield part


async def _changes(who: Caller, lasting: LastingPrincipal, job: Job) -> AsyncIterator[bytes]:
    """Yield the job as it is, and again whenever it has changed, until it has ended."""
    loop = asyncio.get_running_loop()
    shown: JobDocument | None = None
    said_at = loop.time()
    while True:
        document = job_document(job)
        if document != shown:
            shown, said_at = document, loop.time()
            yield frame("job", orjson.dumps(document))
        elif loop.time() >= said_at + HEARTBEAT_SECONDS:
            said_at = loop.time()
            yield SIGN_OF_LIFE
        if job.state.is_end:
            return
        await asyncio.sleep(LOOK_SECONDS)
        try:
            job = await who.services.jobs.get(await lasting.now(), job.id)
        except (DomainError, StoreUnavailable) as failure:
            yield problem_frame(failure, who.request_id)
            return

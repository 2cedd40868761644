"""Imports: many transactions, posted in the background."""

import hashlib
import tempfile
from typing import IO, Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from application.interchange.import_job import parts_of
from application.interchange.transaction_lines import read_lines
from application.shared.idempotency import IdempotencyKey
from application.shared.turns import in_turns
from domain.jobs.job import JobKind, Progress
from domain.shared.errors import ValidationFailed
from entrypoints.http.dependencies import CallerDependency, KeyHeader, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.http.problems import PayloadTooLarge, UnsupportedMediaType
from entrypoints.http.v1.bulk_stream import NDJSON
from entrypoints.http.v1.job_documents import JobDocument, accepted

router = APIRouter(route_class=StrictRoute, tags=["jobs"])

# Longer bodies wait on the disk.
_MEMORY_BYTES_MAX: Final = 1024 * 1024
_EXAMPLE: Final = (
    '{"reference":"o-1","entries":[{"account":"assets:bank","direction":"debit","amount":"1.00","asset":"EUR"},'
    '{"account":"income:sales","direction":"credit","amount":"1.00","asset":"EUR"}]}\n'
)
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {NDJSON: {"schema": {"type": "string"}, "example": _EXAMPLE}}}
}


@router.post(
    "/ledgers/{ledger}/imports",
    status_code=202,
    summary="Import transactions in the background",
    openapi_extra=_BODY,
    responses=described_problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
)
async def post_import(
    ledger: str, who: CallerDependency, request: Request, response: Response, key: KeyHeader = None
) -> JobDocument:
    """Take lines of transactions, as the bulk route takes them, and post them as a job, in order.

    Each is posted or refused by itself, and once, however often the job is interrupted. The result, `GET
    /v1/jobs/{id}/result`, has a line for each, with its `index` from 0: its `transaction` and `sequence`, or the
    `problem`.
    """
    services = who.services
    await services.jobs.require_admitted(who.principal, JobKind.IMPORT, ledger)
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != NDJSON:
        raise UnsupportedMediaType(f"This path reads {NDJSON}, not {content_type!a}.")
    with tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as body:
        digest = await _receive(request, body, services.settings.import_bytes_max)
        body.seek(0)
        lines = 0
        async for _ in in_turns(read_lines(body)):
            lines += 1
        if not lines:
            raise ValidationFailed("There is no transaction in the body: it has one on each line.")
        body.seek(0)
        job, is_known = await services.jobs.submit(
            who.principal,
            JobKind.IMPORT,
            ledger,
            {},
            Progress(0, lines, "transactions"),
            request_id=who.request_id,
            parts=parts_of(body),
            key=None if key is None else IdempotencyKey(key, digest),
        )
    return accepted(job, response, is_known=is_known)


async def _receive(request: Request, body: IO[bytes], bytes_max: int) -> bytes:
    """Write what is sent to the file; return what tells the request from others. Raises `PayloadTooLarge`."""
    digest = hashlib.sha256(request.scope["path"].encode() + b"\n")
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > bytes_max:
            raise PayloadTooLarge(f"The body is longer than {bytes_max:,} bytes.")
        digest.update(chunk)
        body.write(chunk)
    return digest.digest()

"""Imports: many transactions, posted in the background."""

import hashlib
import tempfile
from typing import IO, Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from application.interchange.foreign_formats import ForeignFormat, Options
from application.interchange.import_job import parts_of
from application.interchange.importing import Prepared
from application.interchange.transaction_lines import read_lines
from application.shared.idempotency import IdempotencyKey
from application.shared.turns import in_turns
from domain.jobs.job import JobKind, Progress
from domain.shared.errors import ValidationFailed
from entrypoints.http.dependencies import Caller, CallerDependency, KeyHeader, StrictRoute
from entrypoints.http.openapi import described_problems
from entrypoints.http.problems import UnsupportedMediaType
from entrypoints.http.reading import require_no_longer, too_large, while_connected
from entrypoints.http.v1.bulk_stream import NDJSON
from entrypoints.http.v1.import_documents import (
    PREVIEW_EXAMPLE,
    FormatName,
    OptionsText,
    PreviewDocument,
    preview_document,
)
from entrypoints.http.v1.job_documents import JobDocument, accepted
from entrypoints.schemas.json_text import MalformedJson, parse_json

router = APIRouter(route_class=StrictRoute, tags=["jobs"])

# Longer bodies wait on the disk.
_MEMORY_BYTES_MAX: Final = 1024 * 1024
_EXAMPLE: Final = (
    '{"reference":"o-1","entries":[{"account":"assets:bank","direction":"debit","amount":"1.00","asset":"EUR"},'
    '{"account":"income:sales","direction":"credit","amount":"1.00","asset":"EUR"}]}\n'
)
_JOURNAL: Final = "2026-01-31 (o-1) Sale\n    assets:bank  1.00 EUR\n    income:sales\n"
_FILES: Final[dict[str, Any]] = {
    "text/x-hledger": {"schema": {"type": "string"}, "example": _JOURNAL},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {NDJSON: {"schema": {"type": "string"}, "example": _EXAMPLE}} | _FILES,
    }
}
_FILE_BODY: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": _FILES}}
_SHOWN: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "What the import would do now.",
        "content": {"application/json": {"example": PREVIEW_EXAMPLE}},
    }
}


@router.post(
    "/ledgers/{ledger}/imports",
    status_code=202,
    summary="Import transactions in the background",
    openapi_extra=_BODY,
    responses=described_problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
)
async def post_import(
    ledger: str,
    who: CallerDependency,
    request: Request,
    response: Response,
    format_name: FormatName = None,
    options: OptionsText = None,
    partial: Annotated[
        bool, Query(description="Post what is understood of a file, where parts are not or its checks fail.")
    ] = False,
    key: KeyHeader = None,
) -> JobDocument:
    """Take lines of transactions, as the bulk route takes them, or a file of another program; post them as a job.

    Each is posted or refused by itself, in order and once, however often the job is interrupted. The result, `GET
    /v1/jobs/{id}/result`, has a line for each, with its `index` from 0: its `transaction` and `sequence`, or the
    `problem`; and for a file the `place`, and lines for assets that are registered and accounts that are opened. A file
    of another program is read as a whole first, for as long as the client waits for the answer: where that is not
    clear, it is `unclear-file`, and nothing is posted.
    """
    services = who.services
    await services.jobs.require_admitted(who.principal, JobKind.IMPORT, ledger)
    foreign = _format(who, request, format_name)
    if foreign is None and (options is not None or partial):
        raise ValidationFailed("Lines of JSON are imported without options, each by itself.")
    given = _options(options)
    said = f"{request.scope['path']}\n{'' if foreign is None else foreign.name}\n{options or ''}\n{partial}\n"
    with (
        tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as body,
        tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as lines,
    ):
        digest = await _receive(request, body, services.settings.import_bytes_max, said)
        arguments: dict[str, Any] = {}
        if foreign is None:
            parts, count = parts_of(body), await _counted(body)
        else:
            reading = services.importing.prepare(who.principal, ledger, foreign, given, body, lines)
            prepared = await while_connected(request, reading)
            if not partial:
                prepared.read.require_clear()
            arguments = _arguments(foreign, prepared)
            parts, count = prepared.parts(), prepared.total
            if not count:
                raise ValidationFailed("All that the file has is in the ledger already, or is not understood.")
        job, is_known = await services.jobs.submit(
            who.principal,
            JobKind.IMPORT,
            ledger,
            arguments,
            Progress(0, count, "transactions" if foreign is None else "lines"),
            request_id=who.request_id,
            parts=parts,
            key=None if key is None else IdempotencyKey(key, digest),
        )
    return accepted(job, response, is_known=is_known)


@router.post(
    "/ledgers/{ledger}/imports/preview",
    summary="See what the import of a file would do",
    openapi_extra=_FILE_BODY,
    responses=described_problems(400, 401, 403, 404, 413, 415, 422, 503) | _SHOWN,
)
async def preview_import(
    ledger: str,
    who: CallerDependency,
    request: Request,
    format_name: FormatName = None,
    options: OptionsText = None,
) -> PreviewDocument:
    """Take a file of another program, and show what would be posted, opened, registered, refused, and not understood.

    It is tried on the books as they are, by the same rules as a posting, and nothing is changed. It ends where the
    client leaves.
    """
    services = who.services
    await services.jobs.require_admitted(who.principal, JobKind.IMPORT, ledger)
    foreign = _format(who, request, format_name)
    if foreign is None:
        raise UnsupportedMediaType("A preview is of a file of another program: lines of JSON are tried with `dry_run`.")
    given = _options(options)
    with (
        tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as body,
        tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as lines,
    ):
        await _receive(request, body, services.settings.import_bytes_max, "")
        reading = services.importing.prepare(who.principal, ledger, foreign, given, body, lines)
        prepared = await while_connected(request, reading)
        expected = await while_connected(request, services.importing.preview(who.principal, ledger, prepared))
    return preview_document(prepared, expected)


def _format(who: Caller, request: Request, name: str | None) -> ForeignFormat | None:
    """Return the format that the request names, or is sent as; None for lines of JSON.

    Raises `ValidationFailed`, `UnsupportedMediaType`.
    """
    formats = who.services.importing.formats
    if name is not None:
        return formats.named(name)
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == NDJSON:
        return None
    found = formats.sent_as(media_type)
    if found is None:
        raise UnsupportedMediaType(
            f"This path reads {NDJSON}, not {content_type!a}; what a file of another program is, `format` says."
        )
    return found


def _options(text: str | None) -> Options:
    """Return the options that are given. Raises `ValidationFailed`."""
    if text is None:
        return {}
    try:
        options = parse_json(text.encode("utf-8", "surrogatepass"))
    except MalformedJson as refusal:
        raise ValidationFailed(f"The options are not JSON: {refusal.detail}", pointer="/options") from refusal
    if not isinstance(options, dict):
        raise ValidationFailed("The options are a JSON object.", pointer="/options")
    return options


def _arguments(foreign: ForeignFormat, prepared: Prepared) -> dict[str, Any]:
    read = prepared.read
    return {
        "format": foreign.name,
        "transactions": read.transactions,
        "unreadable": read.unreadable.total,
        "failed_checks": read.failed_checks.total,
        "remarks": read.remarks.total,
    }


async def _counted(body: IO[bytes]) -> int:
    lines = 0
    async for _ in in_turns(read_lines(body)):
        lines += 1
    if not lines:
        raise ValidationFailed("There is no transaction in the body: it has one on each line.")
    body.seek(0)
    return lines


async def _receive(request: Request, body: IO[bytes], bytes_max: int, said: str) -> bytes:
    """Write what is sent to the file, and go back to its beginning; return what tells the request from others.

    Raises `PayloadTooLarge`.
    """
    require_no_longer(request, bytes_max)
    digest = hashlib.sha256(said.encode("utf-8", "surrogatepass"))
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > bytes_max:
            raise too_large(bytes_max)
        digest.update(chunk)
        body.write(chunk)
    body.seek(0)
    return digest.digest()

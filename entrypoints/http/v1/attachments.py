"""Attachments: files on accounts, transactions and holds."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from application.attachments.attaching import Call, FileDraft
from application.ledger.attach import RemoveAttachment
from application.ledger.attachment_reader import AttachmentView
from domain.attachments.file_name import DEFAULT_NAME, checked_file_name, checked_media_type
from domain.attachments.refusals import RangeNotSatisfiable
from domain.ledger.attachment import Subject, SubjectKind
from domain.ledger.events import AttachmentAdded
from domain.shared.access import Permission
from domain.shared.errors import ValidationFailed
from entrypoints.http.credentials import principal_now
from entrypoints.http.dependencies import (
    Caller,
    CallerDependency,
    DryRun,
    IfMatch,
    StrictRoute,
    etag,
    keyed,
)
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.openapi import MAY_BE_KNOWN, described_list, described_problems
from entrypoints.http.pagination import ListDocument, ListSpec
from entrypoints.http.problems import problem_response
from entrypoints.http.reading import has_body
from entrypoints.http.v1.attachment_documents import (
    AttachmentDocument,
    LinkDocument,
    UploadDocument,
    attachment_document,
)
from entrypoints.http.v1.attachment_forms import BINARY, FILE, FileSaid, Range, Said
from entrypoints.http.v1.file_answers import file_answer
from entrypoints.http.v1.file_parts import Incoming, incoming, stated_sha256, while_allowed
from entrypoints.http.v1.reasons import ReasonOfDeletion

router = APIRouter(route_class=StrictRoute, tags=["attachments"])

ATTACHMENTS: Final = ListSpec(sorts=("-added_at", "added_at"))


async def _attach(
    request: Request, response: Response, who: Caller, ledger: str, subject: Subject, file: FileSaid
) -> AttachmentDocument:
    attaching = who.services.attachments.attaching
    path = request.scope["path"]

    def call(draft: FileDraft) -> Call:
        said = {"name": draft.name, "media_type": draft.media_type, "upload": file.upload}
        key = file.key
        return Call(
            who.principal,
            ledger,
            who.request_id,
            lambda sha256: None if key is None else keyed(key, path, said | {"sha256": sha256.hex()}),
            file.is_dry_run,
        )

    if file.upload is not None:
        if has_body(request):
            raise ValidationFailed("Send either the file or `upload`, which names what was sent directly.")
        stated = None if file.digest is None else stated_sha256({"Repr-Digest": file.digest})
        name = checked_file_name(file.name or DEFAULT_NAME)
        draft = FileDraft(subject, name, checked_media_type(file.media_type), stated)
        outcome = await attaching.attach_upload(call(draft), draft, file.upload)
    else:
        if file.media_type is not None:
            raise ValidationFailed("`media_type` is of what was sent directly: say it as Content-Type here.")
        sent: Incoming = await incoming(request, file.name)
        draft = FileDraft(subject, sent.name, sent.media_type, sent.sha256)
        lasting = LastingPrincipal(who.principal, principal_now(request))
        content = while_allowed(
            sent.content,
            lasting,
            Permission.ATTACHMENTS_ADD,
            ledger,
            lambda now: attaching.require_subject(replace(call(draft), principal=now), subject),
        )
        outcome = await attaching.attach(call(draft), draft, content, length=sent.length)
    (added,) = outcome.applied
    assert isinstance(added.event, AttachmentAdded)
    document = attachment_document(AttachmentView(added.event.attachment, added.recorded_at))
    if file.is_dry_run:
        response.status_code = 200
        return {**document, "id": None}
    who.tell(outcome, response)
    response.headers["Location"] = f"/v1/ledgers/{ledger}/attachments/{document['id']}"
    response.headers["ETag"] = etag(1)
    return document


_REFUSALS: Final = (400, 401, 403, 404, 409, 413, 422, 503)
_ATTACH: Final[dict[str, Any]] = {
    "status_code": 201,
    "openapi_extra": FILE,
    "responses": described_problems(*_REFUSALS),
}
_LIST: Final[dict[str, Any]] = {
    "openapi_extra": described_list(ATTACHMENTS),
    "responses": described_problems(400, 401, 403, 404),
}


@router.post("/ledgers/{ledger}/accounts/{path}/attachments", summary="Attach a file to an account", **_ATTACH)
async def attach_to_account(
    ledger: str, path: str, who: CallerDependency, request: Request, response: Response, file: Said
) -> AttachmentDocument:
    """Attach a file: the body, of any type, or the only part of a form (`multipart/form-data`)."""
    return await _attach(request, response, who, ledger, Subject(SubjectKind.ACCOUNT, path), file)


@router.post("/ledgers/{ledger}/transactions/{id}/attachments", summary="Attach a file to a transaction", **_ATTACH)
async def attach_to_transaction(
    ledger: str, id: str, who: CallerDependency, request: Request, response: Response, file: Said
) -> AttachmentDocument:
    """Attach a file: the body, of any type, or the only part of a form (`multipart/form-data`)."""
    return await _attach(request, response, who, ledger, Subject(SubjectKind.TRANSACTION, id), file)


@router.post("/ledgers/{ledger}/holds/{id}/attachments", summary="Attach a file to a hold", **_ATTACH)
async def attach_to_hold(
    ledger: str, id: str, who: CallerDependency, request: Request, response: Response, file: Said
) -> AttachmentDocument:
    """Attach a file: the body, of any type, or the only part of a form (`multipart/form-data`)."""
    return await _attach(request, response, who, ledger, Subject(SubjectKind.HOLD, id), file)


@router.get("/ledgers/{ledger}/accounts/{path}/attachments", summary="List an account's attachments", **_LIST)
async def list_of_account(
    ledger: str, path: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[AttachmentDocument]:
    """Return a page of what is attached to the account, without what was removed."""
    return await _list(request, response, who, ledger, Subject(SubjectKind.ACCOUNT, path))


@router.get("/ledgers/{ledger}/transactions/{id}/attachments", summary="List a transaction's attachments", **_LIST)
async def list_of_transaction(
    ledger: str, id: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[AttachmentDocument]:
    """Return a page of what is attached to the transaction, without what was removed."""
    return await _list(request, response, who, ledger, Subject(SubjectKind.TRANSACTION, id))


@router.get("/ledgers/{ledger}/holds/{id}/attachments", summary="List a hold's attachments", **_LIST)
async def list_of_hold(
    ledger: str, id: str, who: CallerDependency, request: Request, response: Response
) -> ListDocument[AttachmentDocument]:
    """Return a page of what is attached to the hold, without what was removed."""
    return await _list(request, response, who, ledger, Subject(SubjectKind.HOLD, id))


async def _list(
    request: Request, response: Response, who: Caller, ledger: str, subject: Subject
) -> ListDocument[AttachmentDocument]:
    query = ATTACHMENTS.read(request, who)
    page = await who.services.attachments.fetching.page(who.principal, ledger, subject, query.page)
    return query.document(page, attachment_document, response)


@router.get(
    "/ledgers/{ledger}/attachments/{id}",
    summary="Get an attachment",
    responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN},
)
async def get_attachment(ledger: str, id: str, who: CallerDependency, response: Response) -> AttachmentDocument:
    """Return what is known of an attachment, also of one that was removed."""
    view = await who.services.attachments.fetching.view(who.principal, ledger, id)
    response.headers["ETag"] = etag(view.attachment.version)
    return attachment_document(view)


@router.head(
    "/ledgers/{ledger}/attachments/{id}/content",
    summary="See what a download would be",
    response_class=Response,
    responses={
        **described_problems(401, 403, 404, 412, 503),
        **MAY_BE_KNOWN,
        200: {
            "description": "The headers of the whole file, which is there.",
            "content": {"application/octet-stream": {"schema": BINARY}},
        },
    },
)
async def head_of_content(ledger: str, id: str, who: CallerDependency, request: Request) -> Response:
    """Return the headers of the download without the file: its length, its type, its hash. `Range` is ignored."""
    return await get_content(ledger, id, who, request)


@router.get(
    "/ledgers/{ledger}/attachments/{id}/content",
    summary="Download an attachment",
    response_class=Response,
    responses={
        **described_problems(401, 403, 404, 412, 416, 503),
        **MAY_BE_KNOWN,
        200: {"description": "The file.", "content": {"application/octet-stream": {"schema": BINARY}}},
        206: {"description": "A range of the file.", "content": {"application/octet-stream": {"schema": BINARY}}},
    },
)
async def get_content(
    ledger: str, id: str, who: CallerDependency, request: Request, byte_range: Range = None
) -> Response:
    """Return the file, or a range of it (`Range`, `If-Range`), to be saved and never to be shown.

    `Repr-Digest` is the SHA-256 of the whole file, and `ETag` says the same. What a browser would execute is served as
    bytes, whatever type it was uploaded as.
    """
    fetching = who.services.attachments.fetching
    view, file = await fetching.content(who.principal, ledger, id)
    lasting = LastingPrincipal(who.principal, principal_now(request))

    def read(start: int, end: int) -> AsyncIterator[bytes]:
        content = fetching.read(file, start, end)
        return while_allowed(
            content, lasting, Permission.ATTACHMENTS_READ, ledger, lambda now: fetching.view(now, ledger, id)
        )

    try:
        return await file_answer(request, view.attachment, file, read)
    except RangeNotSatisfiable as refusal:
        return problem_response(refusal, request, {"Content-Range": f"bytes */{refusal.size}"})


@router.get(
    "/ledgers/{ledger}/attachments/{id}/link",
    summary="Get a link to an attachment",
    responses=described_problems(401, 403, 404, 422, 503),
)
async def get_link(ledger: str, id: str, who: CallerDependency) -> LinkDocument:
    """Return a URL of the store itself, from which anyone can fetch the content for a quarter of an hour."""
    link = await who.services.attachments.fetching.link(who.principal, ledger, id)
    return {"url": link.url, "expires_in": int(link.lifetime.total_seconds())}


@router.post(
    "/ledgers/{ledger}/uploads",
    status_code=201,
    summary="Prepare a direct upload",
    responses=described_problems(401, 403, 404, 422, 503),
)
async def post_upload(ledger: str, who: CallerDependency) -> UploadDocument:
    """Return a URL of the store itself, to which a file can be sent for an hour; it can be attached for a day."""
    upload = await who.services.attachments.attaching.offer(who.principal, ledger)
    return {"id": upload.id, "url": upload.url, "expires_in": int(upload.lifetime.total_seconds())}


@router.delete(
    "/ledgers/{ledger}/attachments/{id}",
    summary="Remove an attachment",
    responses=described_problems(400, 401, 403, 404, 409, 412, 422, 428),
)
async def remove_attachment(
    ledger: str,
    id: str,
    version: IfMatch,
    reason: ReasonOfDeletion,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
) -> AttachmentDocument:
    """Take a file away: it is not listed and cannot be downloaded any more, and is erased some time after.

    The log goes on telling that it was there. One that was removed already stays so.
    """
    view = await who.services.attachments.attaching.view_to_remove(who.principal, ledger, id)
    command = RemoveAttachment(id, view.attachment.subject, version, reason)
    outcome = await who.do(ledger, command, response, dry_run=dry_run)
    if outcome.applied:
        gone = replace(view.attachment, is_removed=True)
        view = replace(view, attachment=gone, removed_at=outcome.applied[0].recorded_at, reason=reason)
    response.headers["ETag"] = etag(view.attachment.version)
    return attachment_document(view)

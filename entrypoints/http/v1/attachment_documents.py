"""Attachments as they are shown."""

from typing_extensions import TypedDict

from application.ledger.attachment_reader import AttachmentView
from domain.ledger.attachment import SubjectKind
from domain.shared.chain import format_time


class AttachmentDocument(TypedDict):
    """A file that is attached to `account`, `transaction` or `hold`, whichever is not null.

    `size` is in bytes; `sha256` is of the content, as the event in the log has it. In a dry run, `id` is null.
    """

    id: str | None
    account: str | None
    transaction: str | None
    hold: str | None
    name: str
    media_type: str
    size: int
    sha256: str
    version: int
    added_at: str
    removed_at: str | None
    reason: str | None


class UploadDocument(TypedDict):
    """Where a file can be sent to with PUT, for so many seconds; then name `id` as `upload` where you attach it."""

    id: str
    url: str
    expires_in: int


class LinkDocument(TypedDict):
    """Where the content can be fetched from with GET, for so many seconds, by whoever has the URL."""

    url: str
    expires_in: int


def attachment_document(view: AttachmentView) -> AttachmentDocument:
    """Return an attachment as it is shown."""
    attachment = view.attachment
    of = {kind: attachment.subject.id if attachment.subject.kind is kind else None for kind in SubjectKind}
    return {
        "id": attachment.id,
        "account": of[SubjectKind.ACCOUNT],
        "transaction": of[SubjectKind.TRANSACTION],
        "hold": of[SubjectKind.HOLD],
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size": attachment.size,
        "sha256": attachment.sha256.hex(),
        "version": attachment.version,
        "added_at": format_time(view.added_at),
        "removed_at": None if view.removed_at is None else format_time(view.removed_at),
        "reason": view.reason,
    }

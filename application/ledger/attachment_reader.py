"""The port that reads attachments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.shared.pagination import Page, PageRequest
from domain.ledger.attachment import Attachment, Subject


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """An attachment, when it was added and, where it was, removed (UTC), and why that was."""

    attachment: Attachment
    added_at: datetime
    removed_at: datetime | None = None
    reason: str | None = None


class AttachmentReader(Protocol):
    """Reads which files are attached to what."""

    async def attachment(self, slug: str, id: str) -> AttachmentView:
        """Return the attachment, a removed one too, or raise `NotFound`."""
        ...

    async def attachments(self, slug: str, subject: Subject, page: PageRequest) -> Page[AttachmentView]:
        """Return what is attached to the subject by `added_at`, without what was removed."""
        ...

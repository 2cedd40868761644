"""What happens to attachments. The hash of the content is a part of the event, and so of the chain."""

from dataclasses import dataclass
from typing import ClassVar

from domain.ledger.attachment import Attachment, Subject
from domain.ledger.events.account import Data


@dataclass(frozen=True, slots=True)
class AttachmentAdded:
    """A file was attached to an account, a transaction or a hold."""

    type: ClassVar[str] = "attachment.added"
    attachment: Attachment

    def data(self) -> Data:
        """Return what is hashed and shown."""
        attachment = self.attachment
        return {
            "id": attachment.id,
            "media_type": attachment.media_type,
            "name": attachment.name,
            "sha256": attachment.sha256.hex(),
            "size": attachment.size,
            **attachment.subject.data(),
        }


@dataclass(frozen=True, slots=True)
class AttachmentRemoved:
    """A file was taken away: it is shown no more, and its content is erased some time after."""

    type: ClassVar[str] = "attachment.removed"
    id: str
    subject: Subject
    sha256: bytes
    reason: str

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"id": self.id, "reason": self.reason, "sha256": self.sha256.hex(), **self.subject.data()}

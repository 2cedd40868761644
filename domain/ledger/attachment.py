"""Attachments: files that belong to an account, a transaction or a hold, as the books know them."""

from dataclasses import dataclass
from enum import Enum


class SubjectKind(Enum):
    """What a file can be attached to."""

    ACCOUNT = "account"
    TRANSACTION = "transaction"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a file is attached to: an account by its path, a transaction or a hold by its id."""

    kind: SubjectKind
    id: str

    def data(self) -> dict[str, str]:
        """Return it as a member of an event's data."""
        return {self.kind.value: self.id}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is attached: its name, its media type, its size in bytes, and the SHA-256 of its content.

    The content is kept elsewhere; by the hash anyone can tell whether it is what was attached.
    """

    id: str
    subject: Subject
    name: str
    media_type: str
    size: int
    sha256: bytes
    is_removed: bool = False

    @property
    def version(self) -> int:
        """Return how often it changed, counted from 1: it is added, and may be removed."""
        return 2 if self.is_removed else 1

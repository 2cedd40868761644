"""Attach a file, and take one away. The content is kept beforehand, and erased afterwards, elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.book import Book
from domain.ledger.events import AttachmentAdded, AttachmentRemoved, Event
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.errors import NotFound
from domain.shared.text import checked_reason


@dataclass(frozen=True, slots=True)
class AddAttachment:
    """Attach a file, whose content is kept already. Refuses with `NotFound` and `AccountNotFound` for its subject."""

    permission: ClassVar = Permission.ATTACHMENTS_ADD
    size: ClassVar = 0
    attachment: Attachment

    def scope(self) -> Scope:
        """Return what it is attached to."""
        return _scope_of(self.attachment.subject)

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the attaching, or refuse."""
        subject = self.attachment.subject
        match subject.kind:
            case SubjectKind.ACCOUNT:
                book.account(subject.id)
            case SubjectKind.TRANSACTION:
                book.transaction(subject.id)
            case SubjectKind.HOLD:
                book.hold(subject.id)
        return [AttachmentAdded(self.attachment)]


@dataclass(frozen=True, slots=True)
class RemoveAttachment:
    """Take a file away from its subject. One that was removed already stays so.

    Refuses with `NotFound`, `VersionConflict`, `ValidationFailed`.
    """

    permission: ClassVar = Permission.ATTACHMENTS_REMOVE
    size: ClassVar = 0
    id: str
    subject: Subject
    expected_version: int | None
    reason: str

    def scope(self) -> Scope:
        """Return the attachment, and its subject, whose accounts it concerns."""
        of_subject = _scope_of(self.subject)
        return Scope(
            accounts=of_subject.accounts,
            transactions=of_subject.transactions,
            holds=of_subject.holds,
            attachments=(self.id,),
        )

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the removal, or refuse."""
        attachment = book.attachment(self.id)
        if attachment.subject != self.subject:
            raise NotFound(f"There is no attachment {self.id!r} there.")
        require_version(f"The attachment {self.id}", attachment.version, self.expected_version)
        if attachment.is_removed:
            return []
        return [AttachmentRemoved(self.id, self.subject, attachment.sha256, checked_reason(self.reason))]


def _scope_of(subject: Subject) -> Scope:
    match subject.kind:
        case SubjectKind.ACCOUNT:
            return Scope(accounts=(subject.id,))
        case SubjectKind.TRANSACTION:
            return Scope(transactions=(subject.id,))
        case SubjectKind.HOLD:
            return Scope(holds=(subject.id,))

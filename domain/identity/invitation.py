"""Invitations: how a person becomes a member."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.identity.role import Assignment
from domain.identity.secret_text import SecretKind
from domain.shared.errors import DomainError, ErrorKind

INVITATION: Final = SecretKind("pti", "invitation")
INVITATIONS_LIVE: Final = timedelta(days=7)


class InvitationExists(DomainError):
    """Someone was invited at this address already, and has not answered. Revoke that invitation to send another."""

    code = "invitation-exists"
    kind = ErrorKind.CONFLICT
    title = "Invited already"


class InvitationNotGood(DomainError):
    """The invitation is not one that can be accepted: it was accepted or revoked, or is older than seven days.

    Or it is cut off or mistyped. Ask whoever sent it for another.
    """

    code = "invitation-not-good"
    kind = ErrorKind.REFUSED
    title = "The invitation is not good"


class InvitationOfAnother(DomainError):
    """The invitation was sent to another e-mail address than the one that you have verified.

    Log in as who has that address, or ask whoever sent the invitation to send one to yours.
    """

    code = "invitation-of-another"
    kind = ErrorKind.FORBIDDEN
    title = "The invitation is for someone else"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Someone who was invited at an address, to have these roles. Times are UTC.

    There is one as long as it can be accepted: it is erased when that was done, and when it is revoked.
    """

    id: str
    email: str
    assignments: tuple[Assignment, ...]
    invited_by: str
    created_at: datetime
    expires_at: datetime

    def is_good(self, now: datetime) -> bool:
        """Whether its time is not over."""
        return now < self.expires_at

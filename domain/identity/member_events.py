"""Events of members, of invitations and of roles: who may do what. Persons are named by opaque ids alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from domain.identity.member import assignments_data
from domain.identity.role import Assignment, Role
from domain.shared.chain import format_time


@dataclass(frozen=True, slots=True)
class MemberInvited:
    """Someone was invited (the time is UTC); at which address is not for a log that forgets nothing."""

    type: ClassVar[str] = "member.invited"
    id: str
    assignments: tuple[Assignment, ...]
    expires_at: datetime

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {
            "id": self.id,
            "assignments": assignments_data(self.assignments),
            "expires_at": format_time(self.expires_at),
        }


@dataclass(frozen=True, slots=True)
class InvitationRevoked:
    """An invitation was taken back."""

    type: ClassVar[str] = "invitation.revoked"
    id: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id}


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """A person became a member: by an invitation, or, without one, as the founder."""

    type: ClassVar[str] = "member.joined"
    id: str
    invitation: str | None
    assignments: tuple[Assignment, ...]

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "invitation": self.invitation, "assignments": assignments_data(self.assignments)}


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """A member has other roles now."""

    type: ClassVar[str] = "member.changed"
    id: str
    before: tuple[Assignment, ...]
    after: tuple[Assignment, ...]

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {
            "id": self.id,
            "before": {"assignments": assignments_data(self.before)},
            "after": {"assignments": assignments_data(self.after)},
        }


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    """A person is a member no more, because someone else said so."""

    type: ClassVar[str] = "member.removed"
    id: str
    before: tuple[Assignment, ...]

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "before": {"assignments": assignments_data(self.before)}}


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """A person is a member no more, by its own will, or because it is erased."""

    type: ClassVar[str] = "member.left"
    id: str
    before: tuple[Assignment, ...]

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "before": {"assignments": assignments_data(self.before)}}


@dataclass(frozen=True, slots=True)
class RoleCreated:
    """The organisation made a role of its own."""

    type: ClassVar[str] = "role.created"
    role: Role

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"name": self.role.name, **self.role.data()}


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """A role allows something else now, or says so otherwise."""

    type: ClassVar[str] = "role.changed"
    before: Role
    after: Role

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"name": self.after.name, "before": self.before.data(), "after": self.after.data()}


@dataclass(frozen=True, slots=True)
class RoleDeleted:
    """A role that nobody had is there no more."""

    type: ClassVar[str] = "role.deleted"
    before: Role

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"name": self.before.name, "before": self.before.data()}

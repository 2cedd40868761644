"""Members of an organisation: persons, and the roles that they have in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.identity.role import BUILT_IN_ROLES, OWNER, PATTERNS_MAX, Assignment, Role
from domain.shared.errors import Blame, DomainError, ErrorKind, ValidationFailed

ASSIGNMENTS_MAX: Final = 10


class LastOwner(DomainError):
    """An organisation that ever had an owner keeps one: make someone else an owner first, or hand over the last role.

    It cannot be left, nor can the last owner be removed, made something else, or erased.
    """

    code = "last-owner"
    kind = ErrorKind.CONFLICT
    title = "The last owner"


class AlreadyMember(DomainError):
    """The person is a member of the organisation already: change what the member may do instead."""

    code = "already-member"
    kind = ErrorKind.CONFLICT
    title = "Already a member"


@dataclass(frozen=True, slots=True)
class Member:
    """A person (`usr_…`) in an organisation, and what it may do there; `version` counts changes of that."""

    person: str
    assignments: tuple[Assignment, ...]
    joined_at: datetime
    version: int = 1

    @property
    def is_owner(self) -> bool:
        """Whether it is an owner of the organisation."""
        return is_of_owner(self.assignments)


def is_of_owner(assignments: Sequence[Assignment]) -> bool:
    """Whether these make someone an owner."""
    return any(assignment.role == OWNER.name for assignment in assignments)


def checked_assignments(
    assignments: Sequence[Assignment], roles: Mapping[str, Role], *, pointer: str = "/assignments"
) -> tuple[Assignment, ...]:
    """Return the assignments, if all their roles are there, be it among an organisation's own `roles`.

    Raises `ValidationFailed` for none at all, for a role that is unknown, and for an owner who would be limited.
    """
    if not assignments:
        raise ValidationFailed("Without a role nobody can do anything: name at least one.", pointer=pointer)
    if len(assignments) > ASSIGNMENTS_MAX:
        raise ValidationFailed(
            f"There are {len(assignments):,} roles for one; at most {ASSIGNMENTS_MAX} fit.", pointer=pointer
        )
    for index, assignment in enumerate(assignments):
        wrong = _wrong_with(assignment, roles)
        if wrong is not None:
            refused = ValidationFailed(wrong)
            refused.blames = (Blame(f"{pointer}/{index}", wrong),)
            raise refused
    return tuple(dict.fromkeys(assignments))


def _wrong_with(assignment: Assignment, roles: Mapping[str, Role]) -> str | None:
    if assignment.role not in BUILT_IN_ROLES and assignment.role not in roles:
        known = ", ".join([*BUILT_IN_ROLES, *sorted(roles)])
        return f"There is no role {assignment.role!a}. There are: {known}."
    limits = (assignment.ledgers, assignment.accounts)
    if assignment.role == OWNER.name and limits != (None, None):
        return "An owner is one everywhere: leave out `ledgers` and `accounts`, or give another role."
    if any(patterns is not None and not patterns for patterns in limits):
        return "An empty list would allow nothing: leave it out to allow all."
    if any(patterns is not None and len(patterns) > PATTERNS_MAX for patterns in limits):
        return f"At most {PATTERNS_MAX} patterns fit in one list."
    return None


def assignments_data(assignments: Sequence[Assignment]) -> list[dict[str, Any]]:
    """Return assignments as JSON, for events and rows."""
    return [assignment.data() for assignment in assignments]

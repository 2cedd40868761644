"""Roles and scopes: permissions by names that people know."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.shared.access import Grant, LedgerPattern, Permission
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from domain.shared.lists import require_few
from domain.shared.patterns import Pattern
from domain.shared.text import checked_text

DESCRIPTION_LENGTH_MAX: Final = 1_000
ROLES_MAX: Final = 100
SCOPES_MAX: Final = 100
# What someone has is compared with what someone is to get, pattern by pattern.
PATTERNS_MAX: Final = 20
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class RoleInUse(DomainError):
    """Members have the role, or people are invited to have it: give them another one first."""

    code = "role-in-use"
    kind = ErrorKind.CONFLICT
    title = "The role is in use"


@dataclass(frozen=True, slots=True)
class Role:
    """A name for permissions; those that an organisation makes itself have a version, which counts their changes."""

    name: str
    description: str
    permissions: frozenset[Permission]
    version: int = 0

    @property
    def is_built_in(self) -> bool:
        """Whether every organisation has it, and nobody can change it."""
        return self.name in BUILT_IN_ROLES

    def data(self) -> dict[str, Any]:
        """Return what can be changed of it as JSON, for events."""
        return {"description": self.description, "permissions": sorted(each.value for each in self.permissions)}


def _reads(*areas: str) -> frozenset[Permission]:
    return frozenset(Permission(f"{area}:read") for area in areas)


_OF_LEDGERS: Final = _reads(
    "ledgers", "accounts", "transactions", "holds", "periods", "attachments", "reports", "events"
)
_OF_ORGANISATION: Final = _reads(
    "organisation", "members", "roles", "api-keys", "oauth-clients", "audit-log", "jobs", "webhooks"
)
_OPERATION: Final = _OF_LEDGERS | {
    Permission.ORGANISATION_READ,
    Permission.JOBS_READ,
    Permission.JOBS_MANAGE,
    Permission.ACCOUNTS_OPEN,
    Permission.TRANSACTIONS_POST,
    Permission.TRANSACTIONS_CHANGE,
    Permission.HOLDS_PLACE,
    Permission.HOLDS_RESOLVE,
    Permission.ATTACHMENTS_ADD,
}
_ACCOUNTING: Final = _OPERATION | {
    Permission.LEDGERS_FREEZE,
    Permission.ASSETS_REGISTER,
    Permission.CHART_SET,
    Permission.ACCOUNTS_CHANGE,
    Permission.ACCOUNTS_FREEZE,
    Permission.ACCOUNTS_ARCHIVE,
    Permission.TRANSACTIONS_REVERSE,
    Permission.PERIODS_CLOSE,
    Permission.PERIODS_REOPEN,
    Permission.ATTACHMENTS_REMOVE,
}

OWNER: Final = Role("owner", "Everything, and who else is an owner.", frozenset(Permission))
ADMIN: Final = Role("admin", "Everything, except who is an owner.", OWNER.permissions - {Permission.OWNERS_CHANGE})
ACCOUNTANT: Final = Role("accountant", "Keeps the books: posts, reverses, closes periods, reads.", _ACCOUNTING)
OPERATOR: Final = Role("operator", "Posts and holds, opens accounts, reads: for a service of yours.", _OPERATION)
AUDITOR: Final = Role("auditor", "Reads everything, and changes nothing.", _OF_LEDGERS | _OF_ORGANISATION)
BUILT_IN_ROLES: Final[Mapping[str, Role]] = {role.name: role for role in (OWNER, ADMIN, ACCOUNTANT, OPERATOR, AUDITOR)}

SCOPES: Final[Mapping[str, frozenset[Permission]]] = {
    **{role.name: role.permissions for role in BUILT_IN_ROLES.values()},
    **{permission.value: frozenset({permission}) for permission in Permission},
}
"""What may be asked for, by name: single permissions, and the built-in roles as all of theirs."""


def permissions_of(scopes: Iterable[str], *, pointer: str | None = None) -> frozenset[Permission]:
    """Return all that these scopes allow. Raises `ValidationFailed` for one that is unknown."""
    permissions: frozenset[Permission] = frozenset()
    for scope in scopes:
        if scope not in SCOPES:
            raise ValidationFailed(
                f"{scope!a} is no scope: it is a permission (`transactions:post`) or a built-in role (`operator`).",
                pointer=pointer,
            )
        permissions |= SCOPES[scope]
    return permissions


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role that someone has, in the ledgers and on the accounts that it is limited to; None is without a limit."""

    role: str
    ledgers: tuple[LedgerPattern, ...] | None = None
    accounts: tuple[Pattern, ...] | None = None

    def data(self) -> dict[str, Any]:
        """Return it as JSON, for events and rows."""
        return {"role": self.role, **limits_data(self.ledgers, self.accounts)}

    @staticmethod
    def of(data: Mapping[str, Any]) -> "Assignment":
        """Return what `data()` said. Raises `ValidationFailed` for patterns that are none."""
        return Assignment(data["role"], *limits_of(data))


def checked_limits(
    scopes: Sequence[str], ledgers: tuple[LedgerPattern, ...] | None, accounts: tuple[Pattern, ...] | None
) -> tuple[str, ...]:
    """Return the scopes, each once and in order, if they and the limits are those that something may be given.

    Raises `ValidationFailed` for a scope that is unknown, and for lists that are empty or too long.
    """
    if not scopes:
        raise ValidationFailed("Without scopes nothing could be done: name at least one.", pointer="/scopes")
    require_few(scopes, SCOPES_MAX, pointer="/scopes")
    permissions_of(scopes, pointer="/scopes")
    for patterns, pointer in ((ledgers, "/ledgers"), (accounts, "/accounts")):
        if patterns is not None:
            require_few(patterns, PATTERNS_MAX, pointer=pointer)
            if not patterns:
                raise ValidationFailed("An empty list would allow nothing: leave it out to allow all.", pointer=pointer)
    return tuple(dict.fromkeys(scopes))


def limits_data(ledgers: tuple[LedgerPattern, ...] | None, accounts: tuple[Pattern, ...] | None) -> dict[str, Any]:
    """Return to which ledgers and accounts something is limited, as JSON; what is not limited is null."""
    return {
        "ledgers": None if ledgers is None else [pattern.text for pattern in ledgers],
        "accounts": None if accounts is None else [pattern.text for pattern in accounts],
    }


def limits_of(data: Mapping[str, Any]) -> tuple[tuple[LedgerPattern, ...] | None, tuple[Pattern, ...] | None]:
    """Return what `limits_data` said. Raises `ValidationFailed` for patterns that are none."""
    ledgers, accounts = data.get("ledgers"), data.get("accounts")
    return (
        None if ledgers is None else tuple(map(LedgerPattern, ledgers)),
        None if accounts is None else tuple(map(Pattern, accounts)),
    )


def checked_role(name: str, description: str, permissions: Iterable[str], version: int) -> Role:
    """Return a role of an organisation's own. Raises `ValidationFailed`."""
    if name in BUILT_IN_ROLES:
        raise ValidationFailed(
            f"{name} is a built-in role, which every organisation has as it is: choose another name."
        )
    if not _SLUG.fullmatch(name):
        raise ValidationFailed(f"{name!a} cannot name a role: a-z, 0-9 and '-' can, up to 63 of them.")
    checked_text(description, what="The description", length_max=DESCRIPTION_LENGTH_MAX, pointer="/description")
    allowed = set()
    for index, permission in enumerate(permissions):
        try:
            allowed.add(Permission(permission))
        except ValueError:
            pointer = f"/permissions/{index}"
            raise ValidationFailed(f"{permission!a} is no permission.", pointer=pointer) from None
    if not allowed:
        raise ValidationFailed("A role without permissions is none: name at least one.", pointer="/permissions")
    return Role(name, description, frozenset(allowed), version)


def grants_of(assignments: Iterable[Assignment], roles: Mapping[str, Role]) -> tuple[Grant, ...]:
    """Return what the assignments come to, with an organisation's own `roles` by name.

    A role that is gone is nothing.
    """
    grants = []
    for assignment in assignments:
        role = BUILT_IN_ROLES.get(assignment.role) or roles.get(assignment.role)
        if role is not None:
            grants.append(Grant(role.permissions, assignment.ledgers, assignment.accounts))
    return tuple(grants)

"""Who is asking, and what they may do."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, TypeVar

from domain.shared.chain import Author, Origin
from domain.shared.errors import PermissionDenied, ValidationFailed
from domain.shared.patterns import Pattern
from domain.shared.quotas import StorageUsedUp
from domain.shared.stable import stable

Limits = TypeVar("Limits")

_LEDGERS = re.compile(r"\*|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|[a-z0-9][a-z0-9-]{0,61}\*")


@stable(since="0.2.0")
class Permission(Enum):
    """What can be allowed, by area and verb."""

    LEDGERS_READ = "ledgers:read"
    LEDGERS_CREATE = "ledgers:create"
    LEDGERS_CHANGE = "ledgers:change"
    LEDGERS_FREEZE = "ledgers:freeze"
    LEDGERS_ARCHIVE = "ledgers:archive"
    ASSETS_REGISTER = "assets:register"
    CHART_SET = "chart:set"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_OPEN = "accounts:open"
    ACCOUNTS_CHANGE = "accounts:change"
    ACCOUNTS_FREEZE = "accounts:freeze"
    ACCOUNTS_ARCHIVE = "accounts:archive"
    TRANSACTIONS_READ = "transactions:read"
    TRANSACTIONS_POST = "transactions:post"
    TRANSACTIONS_CHANGE = "transactions:change"
    TRANSACTIONS_REVERSE = "transactions:reverse"
    TRANSACTIONS_FORCE = "transactions:force"
    HOLDS_READ = "holds:read"
    HOLDS_PLACE = "holds:place"
    HOLDS_RESOLVE = "holds:resolve"
    PERIODS_READ = "periods:read"
    PERIODS_CLOSE = "periods:close"
    PERIODS_REOPEN = "periods:reopen"
    ATTACHMENTS_READ = "attachments:read"
    ATTACHMENTS_ADD = "attachments:add"
    ATTACHMENTS_REMOVE = "attachments:remove"
    REPORTS_READ = "reports:read"
    EVENTS_READ = "events:read"
    ORGANISATION_READ = "organisation:read"
    ORGANISATION_CHANGE = "organisation:change"
    MEMBERS_READ = "members:read"
    MEMBERS_INVITE = "members:invite"
    MEMBERS_CHANGE = "members:change"
    MEMBERS_REMOVE = "members:remove"
    ROLES_READ = "roles:read"
    ROLES_CHANGE = "roles:change"
    OWNERS_CHANGE = "owners:change"
    API_KEYS_READ = "api-keys:read"
    API_KEYS_CREATE = "api-keys:create"
    API_KEYS_REVOKE = "api-keys:revoke"
    OAUTH_CLIENTS_READ = "oauth-clients:read"
    OAUTH_CLIENTS_CHANGE = "oauth-clients:change"
    AUDIT_LOG_READ = "audit-log:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_MANAGE = "webhooks:manage"
    JOBS_READ = "jobs:read"
    JOBS_MANAGE = "jobs:manage"


PROTECTIVE: Final = frozenset(
    {Permission.LEDGERS_FREEZE, Permission.ACCOUNTS_FREEZE, Permission.API_KEYS_REVOKE, Permission.MEMBERS_REMOVE}
)
"""What an organisation may do whatever its storage: it writes little, and is what damage is stopped with.

Others are so only as far as they take away: to revoke an invitation is, and to send one is not.
"""


@dataclass(frozen=True, slots=True)
class LedgerPattern:
    """Which ledgers: one by its slug, or all whose slugs begin so: `eu-*`."""

    text: str

    def __post_init__(self) -> None:
        """Raise `ValidationFailed` for what no slug could ever match."""
        if not _LEDGERS.fullmatch(self.text):
            raise ValidationFailed(f"{self.text!a} names no ledgers: it is a slug, or how slugs begin and then '*'.")

    def matches(self, slug: str) -> bool:
        """Whether the ledger of this slug is one of them."""
        return slug.startswith(self.text[:-1]) if self.text.endswith("*") else slug == self.text

    def covers(self, other: "LedgerPattern") -> bool:
        """Whether every ledger of the other pattern is one of them."""
        return other == self or (self.text.endswith("*") and other.text.startswith(self.text[:-1]))


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions, in the ledgers and on the accounts that they are limited to; None is without a limit."""

    permissions: frozenset[Permission]
    ledgers: tuple[LedgerPattern, ...] | None = None
    accounts: tuple[Pattern, ...] | None = None

    def is_as_wide_as(self, other: "Grant") -> bool:
        """Whether it is good wherever the other grant is."""
        return _all_covered(self.ledgers, other.ledgers, LedgerPattern.covers) and _all_covered(
            self.accounts, other.accounts, Pattern.covers
        )

    def within(self, permissions: frozenset[Permission]) -> "Grant":
        """Return as much of it as is among these permissions."""
        return replace(self, permissions=self.permissions & permissions)

    def is_of_ledger(self, slug: str) -> bool:
        """Whether it is for this ledger."""
        return self.ledgers is None or any(pattern.matches(slug) for pattern in self.ledgers)


@dataclass(frozen=True, slots=True)
class Reach:
    """On which accounts of a ledger a permission may be used; None is all of them."""

    permission: Permission | None = None
    accounts: tuple[Pattern, ...] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there are accounts that it does not reach."""
        return self.accounts is not None

    def require(self, named: Iterable[str], found: Iterable[str] = ()) -> None:
        """Return if it reaches all of these accounts; else raise `PermissionDenied`.

        `named` are those that the request itself names, of which the refusal tells one that is not reached; `found` are
        those behind a hold or a transaction, of which it tells none: who asks may not know them.
        Where it is limited and there is no account, what is asked for concerns the ledger as a whole, and is denied.
        """
        if self.accounts is None or self.permission is None:
            return
        named, found = list(named), list(found)
        limits = f"it is limited to {_listed(self.accounts)}"
        if not named and not found:
            raise _denied(self.permission, f"{limits}, and this takes all accounts")
        for path in named:
            if not self.covers(path):
                raise _denied(self.permission, f"{limits}, without {path}")
        if not all(map(self.covers, found)):
            raise _denied(self.permission, f"{limits}, without an account that this concerns")

    def covers(self, path: str) -> bool:
        """Return whether it reaches an account."""
        return self.accounts is None or any(pattern.matches(path) for pattern in self.accounts)


EVERYWHERE: Final = Reach()
FULL_ACCESS: Final = (Grant(frozenset(Permission)),)


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: an organisation, the one who acts for it, and what that one may do.

    `organisation_id` is the tenant's internal number; `actor` is an outward id (`key_…`, `usr_…`, or `system:…` for
    the command line), and stands in every event that the principal causes. `credential` is what it showed, by its
    outward id (`key_…`, `ses_…`, `gnt_…`). Several grants add up. `writes_refused` says why the organisation may write
    no more, where that is so; `origin` is where the request came from, in which it asks.
    """

    organisation_id: int
    actor: str
    grants: tuple[Grant, ...] = FULL_ACCESS
    credential: str = ""
    writes_refused: StorageUsedUp | None = None
    origin: Origin | None = field(default=None, compare=False)
    _unlimited: frozenset[Permission] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find once what is allowed everywhere, which is what nearly all requests ask for."""
        unlimited = [grant.permissions for grant in self.grants if grant.ledgers is None and grant.accounts is None]
        object.__setattr__(self, "_unlimited", frozenset[Permission]().union(*unlimited))

    def coming_from(self, address: str | None, user_agent: str | None) -> "Principal":
        """Return the same principal, asking from there with its credential."""
        # Every request does this: made anew, with what is allowed found once more, it would take four times as long.
        principal = object.__new__(Principal)
        for name in Principal.__slots__:
            object.__setattr__(principal, name, getattr(self, name))
        object.__setattr__(principal, "origin", Origin(self.credential or self.actor, address, user_agent))
        return principal

    def author(self, request_id: str) -> Author:
        """Return the author of what it causes in the request."""
        return Author(self.actor, request_id, self.origin)

    def require(self, permission: Permission, *, ledger: str | None = None, account: str | None = None) -> None:
        """Return if the permission is held; else raise `PermissionDenied`, which names it.

        Without `account` it has to be held for the whole ledger, and without `ledger` for the whole organisation.
        """
        if permission not in self._unlimited:
            reach = self.reach(permission, ledger)
            if reach.is_limited:
                reach.require(() if account is None else (account,))

    def reach(self, permission: Permission, ledger: str | None) -> Reach:
        """Return on which accounts of the ledger the permission is held. Raises `PermissionDenied` where on none."""
        if permission in self._unlimited:
            return EVERYWHERE
        held = [grant for grant in self.grants if permission in grant.permissions]
        if not held:
            raise _denied(permission, f"{self.actor} does not have it")
        here = [grant for grant in held if (grant.ledgers is None if ledger is None else grant.is_of_ledger(ledger))]
        if not here:
            limits = _listed([pattern for grant in held for pattern in grant.ledgers or ()])
            of_what = "this takes the whole organisation" if ledger is None else f"not to {ledger}"
            raise _denied(permission, f"{self.actor} has it limited to the ledgers {limits}, and {of_what}")
        accounts: list[Pattern] = []
        for grant in here:
            if grant.accounts is None:
                return EVERYWHERE
            accounts += grant.accounts
        return Reach(permission, tuple(accounts))

    def reach_of_writing(self, permission: Permission, ledger: str) -> Reach:
        """Return what `reach` does, if the organisation may write. Raises `QuotaExceeded` as well."""
        reach = self.reach(permission, ledger)
        if self.writes_refused is not None:
            self.require_writable(permission)
        return reach

    def require_writable(self, permission: Permission) -> None:
        """Return if the organisation may write what this permission allows; else raise `QuotaExceeded`.

        What is `PROTECTIVE` is never refused.
        """
        if self.writes_refused is not None and permission not in PROTECTIVE:
            raise self.writes_refused.refusal()

    def require_grantable(self, grants: Iterable[Grant]) -> None:
        """Return if the principal has all that these grants would give to someone else; else `PermissionDenied`."""
        for grant in grants:
            if missing := _missing(self.grants, grant):
                first = min(missing, key=lambda each: each.value)
                raise _denied(first, f"{self.actor} cannot give to others what it does not have as widely")


@dataclass(frozen=True, slots=True)
class Person:
    """A person who has logged in, by outward ids: `usr_…`, and the session `ses_…`.

    `origin` is where the request came from, in which it asks.
    """

    id: str
    session: str
    origin: Origin | None = field(default=None, compare=False)

    def coming_from(self, address: str | None, user_agent: str | None) -> "Person":
        """Return the same person, asking from there in its session."""
        return replace(self, origin=Origin(self.session, address, user_agent))

    def author(self, request_id: str) -> Author:
        """Return the author of what it causes in the request."""
        return Author(self.id, request_id, self.origin)


def lowers(before: Sequence[Grant], after: Sequence[Grant]) -> bool:
    """Whether a change from the one to the other gives nothing, and takes something."""
    return not any(_missing(before, each) for each in after) and any(_missing(after, each) for each in before)


def _missing(held: Iterable[Grant], grant: Grant) -> frozenset[Permission]:
    """Return which permissions of the grant are not held as widely."""
    return grant.permissions.difference(*[own.permissions for own in held if own.is_as_wide_as(grant)])


def _denied(permission: Permission, why: str) -> PermissionDenied:
    return PermissionDenied(
        f"The permission {permission.value} is missing: {why}.", facts={"permission": permission.value}
    )


def _listed(patterns: Sequence[Pattern] | Sequence[LedgerPattern]) -> str:
    return ", ".join(dict.fromkeys(pattern.text for pattern in patterns))


def _all_covered(
    wide: Sequence[Limits] | None, narrow: Sequence[Limits] | None, covers: Callable[[Limits, Limits], bool]
) -> bool:
    if wide is None:
        return True
    return narrow is not None and all(any(covers(each, other) for each in wide) for other in narrow)

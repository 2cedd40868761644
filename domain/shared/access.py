"""Who is asking, and what they may do."""

from dataclasses import dataclass
from enum import Enum

from domain.shared.errors import PermissionDenied


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
    REPORTS_READ = "reports:read"
    EVENTS_READ = "events:read"
    API_KEYS_READ = "api-keys:read"
    API_KEYS_CREATE = "api-keys:create"
    API_KEYS_REVOKE = "api-keys:revoke"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: an organisation, the one who acts for it, and what that one may do.

    `organisation_id` is the tenant's internal number; `actor` is an outward id (`key_…`, or `system:…` for the
    command line), and stands in every event that the principal causes.
    """

    organisation_id: int
    actor: str
    permissions: frozenset[Permission]

    def require(self, permission: Permission) -> None:
        """Return if the permission is held; else raise `PermissionDenied`, which names it."""
        if permission not in self.permissions:
            raise PermissionDenied(f"{self.actor} lacks the permission {permission.value!r}.")


EVERY_PERMISSION = frozenset(Permission)

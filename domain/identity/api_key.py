"""API keys: what a service shows to prove which organisation it acts for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.identity.role import OWNER, permissions_of
from domain.identity.secret_text import SecretKind
from domain.shared.access import Grant, LedgerPattern
from domain.shared.patterns import Pattern

API_KEY: Final = SecretKind("ptk", "API key")
NAME_LENGTH_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its organisation sees it afterwards: `hint` is how it begins, never the key itself. Times are UTC.

    It may do what its scopes say, in the ledgers and on the accounts that it is limited to, and from `networks` (CIDR)
    if there are any.
    """

    id: str
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None
    scopes: tuple[str, ...] = (OWNER.name,)
    ledgers: tuple[LedgerPattern, ...] | None = None
    accounts: tuple[Pattern, ...] | None = None
    expires_at: datetime | None = None
    networks: tuple[str, ...] | None = None
    last_used_at: datetime | None = None

    @property
    def grant(self) -> Grant:
        """Return what it may do. Raises `ValidationFailed` for a scope that is unknown."""
        return Grant(permissions_of(self.scopes, pointer="/scopes"), self.ledgers, self.accounts)

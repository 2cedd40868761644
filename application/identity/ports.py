"""Ports of the identity context."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.shared.pagination import Page, PageRequest
from application.shared.ports import OrganisationLog
from domain.identity.api_key import ApiKey
from domain.shared.chain import Author
from domain.shared.quotas import Quotas


class IdentityReads(Protocol):
    """What can be read of an organisation's keys."""

    async def api_keys(self, page: PageRequest) -> Page[ApiKey]:
        """Return a page of its API keys by `id`, which is when they were made; those that work no more, too."""
        ...

    async def api_key(self, id: str) -> ApiKey | None:
        """Return an API key, whether it works or not, or None."""
        ...


class IdentityChanges(IdentityReads, Protocol):
    """One transaction that changes an organisation's keys."""

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log: its audit trail."""
        ...

    async def require_another_key(self, now: datetime) -> None:
        """Return if the organisation may have one more key that works; else raise `QuotaExceeded`.

        The log must be held. A key does not count that was replaced by one which works and was not replaced itself.
        """
        ...

    async def has_working_predecessor(self, id: str, now: datetime) -> bool:
        """Return whether a key that this one took the place of still works."""
        ...

    async def add_api_key(self, key: ApiKey, digest: bytes) -> None:
        """Keep a new key."""
        ...

    async def change_api_key(self, key: ApiKey) -> None:
        """Keep when the key ends, whether it is revoked, and which one took its place."""
        ...


class KeyUses(Protocol):
    """Where it is kept when keys were last used."""

    async def mark(self, organisation_id: int, id: str, now: datetime, *, unless_after: datetime) -> None:
        """Keep that the key was used now, unless a use after that time is known. Raises `StoreUnavailable`."""
        ...


class Organisations(Protocol):
    """Where organisations come into being, and where keys are looked up. No principal yet: this is how one is made."""

    async def create(self, name: str, *, event_id: str, author: Author, now: datetime) -> int:
        """Create an organisation and its log, and return its number."""
        ...

    async def key_of(self, organisation_id: int, digest: bytes) -> ApiKey | None:
        """Return the API key with this digest, revoked or not, or None."""
        ...


@dataclass(frozen=True, slots=True)
class OrganisationView:
    """An organisation, and when it was created (UTC)."""

    id: int
    name: str
    created_at: datetime


class Directory(Protocol):
    """Which organisations there are: for whoever runs the server, not for those whom it serves."""

    async def organisations(self, limit: int) -> Sequence[OrganisationView]:
        """Return the first ones, or none where the store shows them to nobody."""
        ...

    async def shows_all(self) -> bool:
        """Return whether a listing shows all that there are, and not rather none."""
        ...

    async def organisation(self, id: int) -> OrganisationView | None:
        """Return the organisation of this number, or None."""
        ...


class Secrets(Protocol):
    """Where randomness that nobody can guess comes from."""

    def random_bytes(self, length: int) -> bytes:
        """Return that many random bytes."""
        ...


class Revocations(Protocol):
    """Tells every server that something was revoked, so that none goes on to take it."""

    async def announce(self, *names: str) -> None:
        """Have forgotten what servers remember of these credentials and actors, by their ids: at once, or soon.

        To be called after the change is committed. It never raises: where the news do not arrive, the servers look
        each credential up anew before they have remembered it for five seconds.
        """
        ...


class QuotaStore(Protocol):
    """Where quotas are looked up, before there is a principal, and where logs are metered."""

    async def quotas(self, organisation_id: int) -> Quotas:
        """Return the quotas of an organisation. Raises `StoreUnavailable`."""
        ...

    async def meter(self, organisation_id: int) -> int:
        """Count the bytes of what was written since the last time, up to a bound; return the bytes of all logs.

        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...


class OriginChanges(Protocol):
    """One transaction that erases where events of an organisation came from."""

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log."""
        ...

    async def erase(self, actor: str) -> int:
        """Forget from where someone acted, by their outward id; return for how many runs of events that was known."""
        ...

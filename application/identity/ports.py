"""Ports of the identity context."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.shared.ports import OrganisationLog
from domain.identity.api_key import ApiKey
from domain.shared.chain import Author


class IdentityReads(Protocol):
    """What can be read of an organisation."""

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all its API keys, oldest first, the revoked ones too."""
        ...


class IdentityChanges(Protocol):
    """One transaction that changes an organisation."""

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log: its audit trail."""
        ...

    async def api_key(self, id: str) -> ApiKey:
        """Return an API key that is known to exist."""
        ...

    async def add_api_key(self, key: ApiKey, digest: bytes) -> None:
        """Keep a new key."""
        ...

    async def revoke_api_key(self, id: str, now: datetime) -> bool:
        """Mark a key as revoked; return False if there is none of this id that still works."""
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


class News(Protocol):
    """The news of revocations, as this server hears them from all others."""

    def start(self) -> None:
        """Begin to listen, on the running loop; where the news cannot be had, try again and again."""
        ...

    async def stop(self) -> None:
        """Listen no more."""
        ...

"""Ports of access tokens: what they say, where they are made and read, and where the keys that sign them are kept."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from domain.identity.token_key import TokenKey
from domain.shared.access import Grant, Person

ACCESS_TOKENS_LIVE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says. Times are UTC.

    `subject` is a person (`usr_…`) or an OAuth client that acts for itself (`cli_…`); `credential` is what the token
    stands and falls with: a session (`ses_…`) or an OAuth grant (`gnt_…`). A token of a session may be of no
    organisation yet. `scopes` limit it to a part of what its subject may do; None does not. `key` is the id of the key
    that it was signed with, where it was read.
    """

    subject: str
    credential: str
    organisation_id: int | None
    scopes: tuple[str, ...] | None
    issued_at: datetime
    expires_at: datetime
    key: str | None = field(default=None, compare=False)

    @property
    def is_of_session(self) -> bool:
        """Whether it stands and falls with a session, and not with an OAuth grant."""
        return self.credential.startswith("ses_")


class AccessTokens(Protocol):
    """Makes access tokens, and reads those that it has made."""

    async def issue(self, claims: AccessClaims) -> str:
        """Return the token: a JWT, signed. Raises `StoreUnavailable`."""
        ...

    async def issuing(self) -> Callable[[AccessClaims], str]:
        """Return what makes a token soon, without waiting for anything. Raises `StoreUnavailable`."""
        ...

    async def read(self, text: str) -> AccessClaims:
        """Return what the token says, shown to be ours and not expired.

        Its key was there a second ago. Raises `NotAuthenticated`, `StoreUnavailable`.
        """
        ...

    def forget(self, *names: str) -> None:
        """Look anew, from now on, whether keys of these ids are still there; other names mean nothing."""
        ...


class Standings(Protocol):
    """What stands behind an access token at this moment."""

    async def grants(self, claims: AccessClaims) -> tuple[Grant, ...]:
        """Return all that the subject may do in the token's organisation, none where it has none.

        Raises `NotAuthenticated` where the session or the OAuth grant has ended, or the person is not a member any
        more; `StoreUnavailable`.
        """
        ...

    async def is_logged_in(self, person: Person, now: datetime) -> bool:
        """Return whether the person's session lasts. Raises `StoreUnavailable`."""
        ...


class TokenKeyChanges(Protocol):
    """One transaction that changes the keys; there is one at a time."""

    async def all(self) -> Sequence[TokenKey]:
        """Return all that are kept, oldest first."""
        ...

    async def keep(self, key: TokenKey) -> None:
        """Keep a key that is new, or verifies until another time than before."""
        ...

    async def drop(self, id: str) -> None:
        """Forget a key."""
        ...


class TokenKeys(Protocol):
    """Where the keys of access tokens are kept, for all servers of a database."""

    async def all(self) -> Sequence[TokenKey]:
        """Return all that are kept, oldest first. Raises `StoreUnavailable`."""
        ...

    def changing(self) -> AbstractAsyncContextManager[TokenKeyChanges]:
        """Open one transaction; nobody else changes keys meanwhile. Raises `StoreUnavailable`, `CommitInDoubt`."""
        ...


class KeySealing(Protocol):
    """How private keys are kept from whoever reads, or writes to, the store."""

    def make(self) -> tuple[bytes, bytes]:
        """Return a new Ed25519 key: its public half, and its private half, sealed."""
        ...

    def opens(self, key: TokenKey) -> bool:
        """Whether the sealed half can be opened and belongs to the public one; no other key is to be trusted."""
        ...

"""How a browser gets to know who sits in front of it."""

from dataclasses import dataclass
from typing import Protocol

from domain.shared.access import Person


@dataclass(frozen=True, slots=True)
class LogInOrigin:
    """Where a log-in comes from, as far as that is known."""

    address: str | None
    user_agent: str | None
    request_id: str


@dataclass(frozen=True, slots=True)
class OutsideIdentity:
    """Whom an OpenID provider vouches for: its name for the person, and an e-mail address that it has verified or not.

    `issuer` and `subject` together name the person for ever.
    """

    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool


class LogIns(Protocol):
    """Where persons log in; each time is a session of its own."""

    async def by_password(self, email: str, password: str, origin: LogInOrigin) -> Person:
        """Return the person and its new session. Raises `NotAuthenticated`, which does not tell what was wrong."""
        ...

    async def by_identity(self, identity: OutsideIdentity, origin: LogInOrigin) -> Person:
        """Return the person that is known by this identity, or by its e-mail address if that is verified.

        Raises `NotAuthenticated`, which says what to do.
        """
        ...


class OpenIdProvider(Protocol):
    """An outside provider of identities, as this deployment has it configured."""

    @property
    def name(self) -> str:
        """Return what people call it."""
        ...

    async def start(self, redirect_uri: str, *, state: str, nonce: str, code_challenge: str) -> str:
        """Return the URL to send the browser to. Raises `ProviderUnusable`."""
        ...

    async def finish(
        self, redirect_uri: str, *, code: str, nonce: str, code_verifier: str, issuer: str | None
    ) -> OutsideIdentity:
        """Return for whom the provider gave that code; `issuer` is who gave it, where the answer says so.

        Raises `ProviderUnusable`.
        """
        ...


class ProviderUnusable(Exception):
    """The provider cannot be reached, or says something that cannot be believed; the message is for the operator."""

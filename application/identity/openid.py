"""Log-in with an outside OpenID provider."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogInOrigin:
    """Where a log-in comes from, as far as that is known."""

    address: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class OutsideIdentity:
    """Whom an OpenID provider vouches for: its name for the person, and an e-mail address that it has verified or not.

    `issuer` and `subject` together name the person for ever.
    """

    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool


class SignedIn(Protocol):
    """A session that has just begun, by outward ids: `usr_…`, `ses_…`."""

    @property
    def person_id(self) -> str:
        """Return who logged in."""
        ...

    @property
    def session_id(self) -> str:
        """Return the session."""
        ...


class LogIns(Protocol):
    """Where persons log in; each time is a session of its own."""

    async def sign_in(self, email: str, password: str, *, origin: LogInOrigin) -> SignedIn:
        """Begin a session. Raises `ValidationFailed`, `NotAuthenticated`, which does not tell what was wrong."""
        ...

    async def sign_in_by_identity(
        self, issuer: str, subject: str, email: str | None, email_verified: bool, *, origin: LogInOrigin
    ) -> SignedIn:
        """Begin a session of the person that is known by this identity, or by its address if that is verified.

        Raises `ValidationFailed`, `NotAuthenticated`.
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

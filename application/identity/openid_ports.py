"""Ports of log-in with an outside OpenID provider."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OpenIdClient:
    """What this server is to a provider: known by `id` and `secret` to the one that calls itself `issuer`."""

    issuer: str
    id: str
    secret: str = field(repr=False)
    provider_name: str


@dataclass(frozen=True, slots=True)
class OutsideIdentity:
    """Whom an OpenID provider vouches for: its name for the person, and an e-mail address that it has verified or not.

    `issuer` and `subject` together name the person for ever.
    """

    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool


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

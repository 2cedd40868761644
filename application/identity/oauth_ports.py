"""Ports of OAuth: clients and grants as they are stored."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from application.shared.pagination import Page, PageRequest
from application.shared.ports import OrganisationLog
from domain.identity.oauth import IssuedCode, IssuedRefreshToken, OAuthClient, OAuthGrant


class OAuthClientReads(Protocol):
    """What can be read of an organisation's clients."""

    async def page(self, page: PageRequest) -> Page[OAuthClient]:
        """Return a page of the clients by `id`, the revoked ones too."""
        ...

    async def get(self, id: str) -> OAuthClient | None:
        """Return a client, revoked or not."""
        ...


class OAuthClientChanges(OAuthClientReads, Protocol):
    """An organisation's clients, in one transaction."""

    async def held(self, id: str) -> OAuthClient | None:
        """Return a client as it stands; nobody else changes it, or gives it grants, until the transaction ends."""
        ...

    async def working(self) -> int:
        """Return how many clients there are that were not revoked; with the log held, nobody adds one meanwhile."""
        ...

    async def add(self, client: OAuthClient) -> None:
        """Keep a new client."""
        ...

    async def put(self, client: OAuthClient) -> None:
        """Keep a client that was held as it is now."""
        ...


class OAuthGrantReads(Protocol):
    """What can be read of what an organisation's clients were granted."""

    async def page(self, page: PageRequest, *, person: str | None = None) -> Page[tuple[OAuthGrant, OAuthClient]]:
        """Return a page of the grants that hold by `id`, of one person or of all, each with its client."""
        ...

    async def get(self, id: str) -> OAuthGrant | None:
        """Return a grant, revoked or not."""
        ...

    async def of(self, client: str, person: str | None, scopes: Sequence[str] | None) -> OAuthGrant | None:
        """Return the grant for just these scopes, or (None) for any, that holds; or None."""
        ...


class OAuthGrantChanges(OAuthGrantReads, Protocol):
    """What an organisation's clients were granted, in one transaction."""

    async def add(self, grant: OAuthGrant) -> None:
        """Keep a new grant."""
        ...

    async def revoke(self, id: str, now: datetime, *, person: str | None = None) -> str | None:
        """Revoke a grant, if it is that person's where one is given; return its client's id.

        None where there is no such grant that still holds.
        """
        ...

    async def revoke_all(self, client: str, *, unless_within: Sequence[str], now: datetime) -> Sequence[str]:
        """Revoke the grants of a client that have a scope not among these names; return their ids.

        The log must be held, as wherever grants are revoked.
        """
        ...


class OAuthCodes(Protocol):
    """The codes and refresh tokens of an organisation's clients, in one transaction."""

    async def code(self, digest: bytes) -> IssuedCode | None:
        """Return a code; nobody else gets to see it until the transaction ends."""
        ...

    async def refresh_token(self, digest: bytes) -> IssuedRefreshToken | None:
        """Return a refresh token; nobody else gets to see it until the transaction ends."""
        ...

    async def add_code(self, code: IssuedCode, now: datetime) -> None:
        """Keep a new code; forget those of its grant that expired a day ago."""
        ...

    async def add_refresh_token(self, token: IssuedRefreshToken, now: datetime) -> None:
        """Keep a new refresh token; forget those of its grant that have expired."""
        ...

    async def use(self, spent: IssuedCode | IssuedRefreshToken, now: datetime) -> None:
        """Mark a code or a refresh token as used."""
        ...


class OAuthReads(Protocol):
    """What can be read of an organisation's OAuth."""

    @property
    def clients(self) -> OAuthClientReads:
        """Return its clients."""
        ...

    @property
    def grants(self) -> OAuthGrantReads:
        """Return what they were granted."""
        ...


class OAuthChanges(Protocol):
    """One transaction that changes an organisation's clients and grants."""

    @property
    def clients(self) -> OAuthClientChanges:
        """Return its clients."""
        ...

    @property
    def grants(self) -> OAuthGrantChanges:
        """Return what they were granted."""
        ...

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log."""
        ...


class OAuthExchange(OAuthChanges, Protocol):
    """One transaction of a request that carries no principal: codes and tokens are what it is about."""

    @property
    def codes(self) -> OAuthCodes:
        """Return the codes and refresh tokens of its clients."""
        ...

    async def organisation_name(self) -> str:
        """Return what the organisation is called."""
        ...

    async def is_member(self, person: str) -> bool:
        """Return whether the person belongs to the organisation."""
        ...


class OAuthExchanges(Protocol):
    """Where requests to the authorisation server find what they name."""

    def open(self, organisation_id: int) -> AbstractAsyncContextManager[OAuthExchange]:
        """Open one transaction for the organisation, which commits on a clean exit.

        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...

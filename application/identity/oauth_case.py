"""A request to the authorisation server: what it names, as that is stored, and what is decided of it.

Whoever speaks the protocol decides, without waiting for anything, from what is laid before it; the decision is then
written in the transaction that the case was read in.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.identity.oauth import IssuedCode, IssuedRefreshToken, OAuthClient, OAuthGrant


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names: a client of an organisation, and perhaps a code, a refresh token, or a token of any kind.

    All but the number of the organisation are texts as they came in.
    """

    organisation_id: int
    client_id: str
    code: str | None = None
    refresh_token: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class ToldToken:
    """A token that is good, of any client of the organisation. Times are UTC."""

    grant: OAuthGrant
    scopes: tuple[str, ...]
    is_access_token: bool
    expires_at: datetime
    issued_at: datetime | None = None

    @property
    def subject(self) -> str:
        """Return whom it acts for: a person, or its client itself."""
        return self.grant.person or self.grant.client_id


@dataclass(frozen=True, slots=True)
class Issue:
    """An access token that is to be made, of a grant or (None) of the client's own, and a refresh token beside it."""

    grant: OAuthGrant | None
    scopes: tuple[str, ...]
    refresh_token: str | None


class Case:
    """What a request names, and what is decided: read the first part, write the second through its methods."""

    def __init__(
        self,
        client: OAuthClient | None,
        now: datetime,
        *,
        new_refresh_token: str,
        code: IssuedCode | None = None,
        refresh_token: IssuedRefreshToken | None = None,
        token: ToldToken | None = None,
    ) -> None:
        self.client = client
        self._token = token
        self._code = code
        self._refresh_token = refresh_token
        self._new_refresh_token = new_refresh_token
        self._now = now
        self.issue: Issue | None = None
        self.spent: IssuedCode | IssuedRefreshToken | None = None
        self.ended: tuple[OAuthGrant, str] | None = None
        self.access_token = ""
        self.is_token_wanted = False

    def wanted_token(self) -> ToldToken | None:
        """Return the token that is named, if it is good; for a client that has shown to be itself."""
        self.is_token_wanted = True
        return self._token

    def usable_code(self, client: OAuthClient) -> IssuedCode | None:
        """Return the code, if this client may use it now."""
        return self._code if self._is_usable(self._code, client, "code-replayed") else None

    def usable_refresh_token(self, client: OAuthClient) -> IssuedRefreshToken | None:
        """Return the refresh token, if this client may use it now."""
        shown = self._refresh_token
        return shown if self._is_usable(shown, client, "refresh-token-replayed") else None

    def have_issued(
        self, scopes: tuple[str, ...], *, spent: IssuedCode | IssuedRefreshToken | None, with_refresh_token: bool
    ) -> str | None:
        """Have an access token made, and what was shown for it spent; return the refresh token that goes with it."""
        refresh_token = self._new_refresh_token if with_refresh_token else None
        self.spent = spent
        self.issue = Issue(None if spent is None else spent.grant, scopes, refresh_token)
        return refresh_token

    def have_ended(self, grant: OAuthGrant, reason: str) -> None:
        """Have a grant revoked, with all its tokens."""
        self.ended = (grant, reason)

    def _is_usable(self, shown: IssuedCode | IssuedRefreshToken | None, client: OAuthClient, replayed: str) -> bool:
        if shown is None or shown.grant.client_id != client.id or shown.grant.revoked_at is not None:
            return False
        if shown.used_at is not None:
            # Two have it, and one of them should not: nobody can tell which (OAuth 2.1, sections 4.1.3 and 4.3.1).
            self.have_ended(shown.grant, replayed)
            return False
        return shown.expires_at > self._now and shown.is_of_member

"""OAuth clients and grants: which programs may act for an organisation, or for a member of it, and their rules.

The rules are those of OAuth 2.1 (draft-ietf-oauth-v2-1) and of its security best practice (RFC 9700).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import urlsplit

from domain.identity.role import SCOPES, checked_limits, limits_data, permissions_of
from domain.identity.secret_text import SecretKind, digest
from domain.shared.access import Grant, LedgerPattern, Permission
from domain.shared.errors import ValidationFailed
from domain.shared.lists import require_few
from domain.shared.patterns import Pattern
from domain.shared.text import checked_name

CLIENT_SECRET: Final = SecretKind("ptc", "OAuth client secret")
CODE: Final = SecretKind("pto", "authorisation code")
REFRESH_TOKEN: Final = SecretKind("ptr", "refresh token")
CODES_LIVE: Final = timedelta(seconds=60)
REFRESH_TOKENS_LIVE: Final = timedelta(days=30)
REFRESH_TOKENS_GO_ON: Final = timedelta(days=90)

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESHING: Final = "refresh_token"
CLIENT_CREDENTIALS: Final = "client_credentials"
GRANT_TYPES: Final = (AUTHORIZATION_CODE, REFRESHING, CLIENT_CREDENTIALS)

NAME_LENGTH_MAX: Final = 255
REDIRECT_URIS_MAX: Final = 20
REDIRECT_URI_LENGTH_MAX: Final = 1_000

# What may stand in a redirect URI: no fragment, no user name, no backslash, nothing that a browser reads otherwise.
_REDIRECT = re.compile(
    r"(?P<origin>https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?)"
    r"(?:\?(?:[A-Za-z0-9._~!()*+,;=:@/?&-]|%[0-9A-Fa-f]{2})*)?",
    re.ASCII,
)
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:[/?].*)?)", re.ASCII)
_WIRE_CLIENT_ID = re.compile(r"(cli_[0-9a-z]{26})\.([1-9][0-9]{0,17})", re.ASCII)
LOOPBACK_HOSTS: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A program that an organisation has registered. Times are UTC.

    A confidential one has a secret, and may act for itself (`client_credentials`), in the ledgers and on the accounts
    that it is limited to. For a person it acts within its scopes and within what that person may do.
    """

    id: str
    name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    created_at: datetime
    ledgers: tuple[LedgerPattern, ...] | None = None
    accounts: tuple[Pattern, ...] | None = None
    revoked_at: datetime | None = None
    version: int = 1
    secret_digest: bytes | None = field(default=None, repr=False)

    @property
    def is_confidential(self) -> bool:
        """Whether it has a secret to authenticate with."""
        return self.secret_digest is not None

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return all that its scopes allow. Raises `ValidationFailed` for one that is unknown."""
        return permissions_of(self.scopes)

    @property
    def grant(self) -> Grant:
        """Return what it may do when it acts for itself."""
        return Grant(self.permissions, self.ledgers, self.accounts)

    def data(self) -> dict[str, Any]:
        """Return how it is set, as JSON, for events."""
        return {
            "name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "grant_types": list(self.grant_types),
            "scopes": list(self.scopes),
            **limits_data(self.ledgers, self.accounts),
        }

    def redirects_to(self, uri: str) -> bool:
        """Whether the URI is, character by character, one of its own.

        Only the port of one that names a loopback address may differ (RFC 8252, section 7.3): a program on a desktop
        takes whichever is free.
        """
        if uri in self.redirect_uris:
            return True
        asked = _LOOPBACK.fullmatch(uri)
        if asked is None or not is_redirect_uri(uri):
            return False
        known = filter(None, map(_LOOPBACK.fullmatch, self.redirect_uris))
        return any(each.groups() == asked.groups() for each in known)

    def may_be_remembered_at(self, uri: str) -> bool:
        """Whether a consent is good for later requests, unasked: not where anyone could pose as the client."""
        return self.is_confidential or uri.startswith("https://")

    def has_secret(self, text: str) -> bool:
        """Whether the text is its secret; how long that takes tells nothing about the secret."""
        return self.secret_digest is not None and compare_digest(digest(text), self.secret_digest)

    def allowed_scopes(self, asked: Iterable[str]) -> tuple[str, ...] | None:
        """Return the scopes asked for, in order and each once, or all of its own where none are.

        None where one is unknown or allows more than the client's own scopes do. Of its own, those that are unknown
        here, as a newer server may have stored them, allow nothing.
        """
        own = tuple(name for name in self.scopes if name in SCOPES)
        names = tuple(sorted(set(asked))) or own
        allowed = permissions_of(own)
        if not all(name in SCOPES and SCOPES[name] <= allowed for name in names):
            return None
        return names


@dataclass(frozen=True, slots=True)
class OAuthGrant:
    """What a client may do: for a person who has consented, or, where `person` is None, for itself. Times are UTC."""

    id: str
    client_id: str
    person: str | None
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """An authorisation code as it is stored; `is_of_member` says whether its person still belongs to the tenant."""

    digest: bytes
    grant: OAuthGrant
    expires_at: datetime
    used_at: datetime | None
    is_of_member: bool
    redirect_uri: str
    code_challenge: str


@dataclass(frozen=True, slots=True)
class IssuedRefreshToken:
    """A refresh token as it is stored; `is_of_member` says whether its person still belongs to the tenant.

    It ends 30 days after it was issued, and 90 days after `began_at`, when the first of its family was, for a code.
    """

    digest: bytes
    grant: OAuthGrant
    expires_at: datetime
    used_at: datetime | None
    is_of_member: bool
    began_at: datetime

    @staticmethod
    def issued(digest: bytes, grant: OAuthGrant, now: datetime, *, began_at: datetime) -> "IssuedRefreshToken":
        """Return a new one, of a family that began at that time."""
        ends = min(now + REFRESH_TOKENS_LIVE, began_at + REFRESH_TOKENS_GO_ON)
        return IssuedRefreshToken(digest, grant, ends, used_at=None, is_of_member=True, began_at=began_at)


def wire_client_id(id: str, organisation_id: int) -> str:
    """Return what a client calls itself: its id, and the organisation where it is to be looked for."""
    return f"{id}.{organisation_id}"


def client_named(text: str) -> tuple[str, int] | None:
    """Return the id and the organisation that `wire_client_id` put together, or None for what it never made."""
    match = _WIRE_CLIENT_ID.fullmatch(text)
    return None if match is None else (match.group(1), int(match.group(2)))


def checked_client(client: OAuthClient) -> OAuthClient:
    """Return the client, with each scope once, if it can be registered so.

    Raises `ValidationFailed`, pointing at what is wrong.
    """
    checked_name(client.name, what="The name", length_max=NAME_LENGTH_MAX, pointer="/name")
    _check_grant_types(client)
    is_redirected = AUTHORIZATION_CODE in client.grant_types
    if is_redirected != bool(client.redirect_uris):
        raise ValidationFailed(
            "A client of the grant type authorization_code has redirect URIs, and no other has.",
            pointer="/redirect_uris",
        )
    _require_few_and_distinct(client.redirect_uris, REDIRECT_URIS_MAX, "/redirect_uris")
    for index, uri in enumerate(client.redirect_uris):
        if not is_redirect_uri(uri):
            raise ValidationFailed(
                f"{uri!a} cannot be redirected to: it takes https (or http at 127.0.0.1, [::1] or localhost), a plain "
                "path and query, and no fragment.",
                pointer=f"/redirect_uris/{index}",
            )
    return replace(client, scopes=checked_limits(client.scopes, client.ledgers, client.accounts))


def is_redirect_uri(uri: str) -> bool:
    """Whether it is a URI that a browser may be sent to with a code: https, or http at this same machine."""
    if len(uri) > REDIRECT_URI_LENGTH_MAX or not _REDIRECT.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        has_port = parts.port != 0
    except ValueError:  # a port beyond 65535, or brackets around what is no address
        return False
    return has_port and (parts.scheme == "https" or parts.hostname in LOOPBACK_HOSTS)


def _check_grant_types(client: OAuthClient) -> None:
    _require_few_and_distinct(client.grant_types, len(GRANT_TYPES), "/grant_types")
    unknown = set(client.grant_types) - set(GRANT_TYPES)
    if unknown or not client.grant_types:
        raise ValidationFailed(f"Grant types are some of: {', '.join(GRANT_TYPES)}.", pointer="/grant_types")
    if REFRESHING in client.grant_types and AUTHORIZATION_CODE not in client.grant_types:
        raise ValidationFailed(
            "refresh_token goes with authorization_code: a client that acts for itself asks again instead.",
            pointer="/grant_types",
        )
    if CLIENT_CREDENTIALS in client.grant_types and not client.is_confidential:
        raise ValidationFailed(
            "client_credentials takes a confidential client: a public one has no credentials.", pointer="/grant_types"
        )


def _require_few_and_distinct(items: Sequence[object], count_max: int, pointer: str) -> None:
    require_few(items, count_max, pointer=pointer)
    if len(set(items)) < len(items):
        raise ValidationFailed(f"{pointer[1:]} names something twice.", pointer=pointer)

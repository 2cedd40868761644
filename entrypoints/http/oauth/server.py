"""authlib's core, which knows the protocol, over a case that was laid out for one request.

It never waits and never stores: it looks at what the case has, and says in it what is to be done.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeMixin,
    ClientMixin,
    InvalidRequestError,
    TokenMixin,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from application.identity.oauth_case import Case, ToldToken
from application.identity.tokens import ACCESS_TOKENS_LIVE
from domain.identity.oauth import (
    AUTHORIZATION_CODE,
    IssuedCode,
    IssuedRefreshToken,
    OAuthClient,
    wire_client_id,
)

WITH_SECRET: Final = ("client_secret_basic", "client_secret_post")
ANY_CLIENT: Final = (*WITH_SECRET, "none")
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(slots=True)
class Said:
    """What the protocol answers: a status, a JSON object or nothing, and headers."""

    status: int
    body: Any
    headers: dict[str, str]


class OAuthRequest(OAuth2Request):
    """A request as authlib wants it, its parameters read already."""

    def __init__(self, method: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> None:
        # It insists on https, which may well end at a proxy: whether it is used is not to be seen here.
        super().__init__(method, "https://localhost/", headers=headers)
        self.payload = BasicOAuth2Payload(dict(parameters))

    @property
    def args(self) -> Any:
        """Return the parameters."""
        return self.payload.data

    @property
    def form(self) -> Any:
        """Return the parameters."""
        return self.payload.data


class OAuthServer(AuthorizationServer):
    """The authorisation server for one request."""

    def __init__(self, case: Case, organisation_id: int) -> None:
        super().__init__()
        self.case = case
        self.organisation_id = organisation_id
        self.code = ""
        lives_seconds = int(ACCESS_TOKENS_LIVE.total_seconds())
        # The tokens' texts are put in later; that there is a refresh token is decided here.
        self.register_token_generator("default", BearerTokenGenerator(_later, _later, lives_seconds))
        self.register_grant(_CodeGrant, [_S256()])
        self.register_grant(_RefreshGrant)
        self.register_grant(_ClientGrant)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)

    def query_client(self, client_id: str) -> "_Client | None":
        """Return the client of the case, if that is the one that is meant."""
        if self.case.client is None:
            return None
        client = _Client(self.case.client, self.organisation_id)
        return client if client.get_client_id() == client_id else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Have the token made."""
        shown = request.authorization_code or request.refresh_token
        has_refresh_token = token.pop("refresh_token", None) is not None
        refresh_token = self.case.have_issued(
            tuple(token["scope"].split()),
            spent=None if shown is None else shown.issued,
            with_refresh_token=has_refresh_token,
        )
        if refresh_token is not None:
            token["refresh_token"] = refresh_token

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        """Return the request, which is of the right kind already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Said:
        """Return what is to be said."""
        return Said(status, body, dict(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Tell nobody."""

    def get_authorization_grant(self, request: OAuth2Request) -> Any:
        """Return the grant for `response_type=code`, the only one. Raises `OAuth2Error`."""
        if request.payload.response_type == "code":
            return super().get_authorization_grant(request)
        client, uri = self.query_client(request.payload.client_id or ""), request.payload.redirect_uri
        raise OAuth2Error(
            "The response_type has to be code.",
            error="unsupported_response_type",
            redirect_uri=uri if client is not None and uri and client.check_redirect_uri(uri) else None,
        )


class _Client(ClientMixin):
    def __init__(self, client: OAuthClient, organisation_id: int) -> None:
        self.client = client
        self._organisation_id = organisation_id

    def get_client_id(self) -> str:
        return wire_client_id(self.client.id, self._organisation_id)

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        allowed = self.client.allowed_scopes((scope or "").split())
        return None if allowed is None else " ".join(allowed)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return self.client.redirects_to(redirect_uri)

    def check_client_secret(self, client_secret: str) -> bool:
        return self.client.has_secret(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in WITH_SECRET if self.client.is_confidential else method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and AUTHORIZATION_CODE in self.client.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.client.grant_types


class _Code(AuthorizationCodeMixin):
    code_challenge_method = "S256"

    def __init__(self, issued: IssuedCode, *, is_redirect_checked: bool) -> None:
        self.issued = issued
        self.code_challenge = issued.code_challenge
        self._is_redirect_checked = is_redirect_checked

    def get_redirect_uri(self) -> str:
        # OAuth 2.1 clients send none to the token endpoint, as the challenge protects the code; who sends one is held
        # to it.
        return self.issued.redirect_uri if self._is_redirect_checked else ""

    def get_scope(self) -> str:
        return " ".join(self.issued.grant.scopes)


class _RefreshToken(TokenMixin):
    def __init__(self, issued: IssuedRefreshToken) -> None:
        self.issued = issued

    def check_client(self, client: _Client) -> bool:
        return client.client.id == self.issued.grant.client_id

    def get_scope(self) -> str:
        return " ".join(self.issued.grant.scopes)


class _Told(TokenMixin):
    def __init__(self, told: ToldToken) -> None:
        self.told = told

    def check_client(self, client: _Client) -> bool:
        return client.client.id == self.told.grant.client_id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuth2Request, client: _Client) -> str:
        uri: str | None = request.payload.redirect_uri
        if not uri:
            raise InvalidRequestError("The redirect_uri is missing.")
        if not client.check_redirect_uri(uri):
            raise InvalidRequestError("The redirect_uri is not one that is registered for this client.")
        return uri

    def generate_authorization_code(self) -> str:
        code: str = self.server.code
        return code

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """It is saved already."""

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        issued = self.server.case.usable_code(client.client)
        is_redirect_checked = self.request.payload.redirect_uri is not None
        return None if issued is None else _Code(issued, is_redirect_checked=is_redirect_checked)

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        """It is spent with the token's issue."""

    def authenticate_user(self, authorization_code: _Code) -> str | None:
        return authorization_code.issued.grant.person


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _RefreshToken | None:
        issued = self.server.case.usable_refresh_token(self.request.client.client)
        return None if issued is None else _RefreshToken(issued)

    def authenticate_user(self, refresh_token: _RefreshToken) -> str | None:
        return refresh_token.issued.grant.person

    def revoke_old_credential(self, refresh_token: _RefreshToken) -> None:
        """It is spent with the token's issue."""


class _ClientGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = WITH_SECRET


class _S256(CodeChallenge):
    """Takes no request without a challenge, and no other method: authlib by itself would take both."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: _CodeGrant, redirect_uri: str) -> None:
        parameters = grant.request.payload.data
        if not _S256_CHALLENGE.fullmatch(parameters.get("code_challenge", "")):
            raise InvalidRequestError("The code_challenge is missing, or is not one of S256.")
        if parameters.get("code_challenge_method") != "S256":
            raise InvalidRequestError("The code_challenge_method has to be S256.")


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ANY_CLIENT

    def check_params(self, request: OAuth2Request, client: _Client) -> None:
        _require_token(request)

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Told | None:
        told = self.server.case.token
        return None if told is None else _Told(told)

    def revoke_token(self, token: _Told, request: OAuth2Request) -> None:
        self.server.case.have_ended(token.told.grant, "asked")


class _Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = WITH_SECRET

    def check_params(self, request: OAuth2Request, client: _Client) -> None:
        _require_token(request)

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Told | None:
        told = self.server.case.token
        return None if told is None else _Told(told)

    def check_permission(self, token: _Told, client: _Client, request: OAuth2Request) -> bool:
        # The case has tokens of the client's own organisation only.
        return True

    def introspect_token(self, token: _Told) -> dict[str, Any]:
        told = token.told
        document: dict[str, Any] = {
            "active": True,
            "client_id": wire_client_id(told.grant.client_id, self.server.organisation_id),
            "sub": told.subject,
            "scope": " ".join(told.scopes),
            "exp": int(told.expires_at.timestamp()),
        }
        if told.is_access_token:
            document["token_type"] = "Bearer"  # noqa: S105 # the name of a type, and no password
        if told.issued_at is not None:
            document["iat"] = int(told.issued_at.timestamp())
        return document


def _later(**_: Any) -> str:
    return ""


def _require_token(request: OAuth2Request) -> None:
    """Ask for a token; the hint what it may be is not needed, as tokens say so themselves."""
    if not request.payload.data.get("token"):
        raise InvalidRequestError("The token is missing.")

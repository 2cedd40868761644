"""authlib's core, which knows the protocol, over a case that was laid out for one request.

It never waits and never stores: it looks at what the case has, and says in it what is to be done.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from application.identity.oauth_case import Case
from application.identity.token_ports import ACCESS_TOKENS_LIVE
from domain.identity.oauth import wire_client_id
from entrypoints.http.oauth.shown import ANY_CLIENT, WITH_SECRET, ShownClient, ShownCode, ShownRefreshToken, ShownToken

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

    def query_client(self, client_id: str) -> ShownClient | None:
        """Return the client of the case, if that is the one that is meant."""
        if self.case.client is None:
            return None
        client = ShownClient(self.case.client, self.organisation_id)
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


class _CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuth2Request, client: ShownClient) -> str:
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

    def query_authorization_code(self, code: str, client: ShownClient) -> ShownCode | None:
        issued = self.server.case.usable_code(client.client)
        is_redirect_checked = self.request.payload.redirect_uri is not None
        return None if issued is None else ShownCode(issued, is_redirect_checked=is_redirect_checked)

    def delete_authorization_code(self, authorization_code: ShownCode) -> None:
        """It is spent with the token's issue."""

    def authenticate_user(self, authorization_code: ShownCode) -> str | None:
        return authorization_code.issued.grant.person


class _RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ANY_CLIENT
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> ShownRefreshToken | None:
        issued = self.server.case.usable_refresh_token(self.request.client.client)
        return None if issued is None else ShownRefreshToken(issued)

    def authenticate_user(self, refresh_token: ShownRefreshToken) -> str | None:
        return refresh_token.issued.grant.person

    def revoke_old_credential(self, refresh_token: ShownRefreshToken) -> None:
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

    def check_params(self, request: OAuth2Request, client: ShownClient) -> None:
        _require_token(request)

    def query_token(self, token_string: str, token_type_hint: str | None) -> ShownToken | None:
        told = self.server.case.wanted_token()
        return None if told is None else ShownToken(told)

    def revoke_token(self, token: ShownToken, request: OAuth2Request) -> None:
        self.server.case.have_ended(token.told.grant, "asked")


class _Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = WITH_SECRET

    def check_params(self, request: OAuth2Request, client: ShownClient) -> None:
        _require_token(request)

    def query_token(self, token_string: str, token_type_hint: str | None) -> ShownToken | None:
        told = self.server.case.wanted_token()
        return None if told is None else ShownToken(told)

    def check_permission(self, token: ShownToken, client: ShownClient, request: OAuth2Request) -> bool:
        # The case has tokens of the client's own organisation only.
        return True

    def introspect_token(self, token: ShownToken) -> dict[str, Any]:
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

"""What a case holds, as authlib wants to see it: its own names for what it asks of clients, codes and tokens."""

from typing import Final

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin

from application.identity.oauth_case import ToldToken
from domain.identity.oauth import AUTHORIZATION_CODE, IssuedCode, IssuedRefreshToken, OAuthClient, wire_client_id

WITH_SECRET: Final = ("client_secret_basic", "client_secret_post")
ANY_CLIENT: Final = (*WITH_SECRET, "none")

# ruff: noqa: D102 # authlib's base classes say what each method promises


class ShownClient(ClientMixin):
    """A client."""

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


class ShownCode(AuthorizationCodeMixin):
    """A code that may be used now."""

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


class ShownRefreshToken(TokenMixin):
    """A refresh token that may be used now."""

    def __init__(self, issued: IssuedRefreshToken) -> None:
        self.issued = issued

    def check_client(self, client: ShownClient) -> bool:
        return client.client.id == self.issued.grant.client_id

    def get_scope(self) -> str:
        return " ".join(self.issued.grant.scopes)


class ShownToken(TokenMixin):
    """A token that is good, to be revoked or told of."""

    def __init__(self, told: ToldToken) -> None:
        self.told = told

    def check_client(self, client: ShownClient) -> bool:
        return client.client.id == self.told.grant.client_id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False

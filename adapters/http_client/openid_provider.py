"""An outside OpenID provider (OpenID Connect Core 1.0 and Discovery 1.0), by the authorisation code flow with PKCE.

Whatever it says is checked, short, and soon there, or it counts as not said.
"""

import asyncio
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx2
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.http_client.shared_fetch import SharedFetch
from adapters.http_client.tls import tls_context
from application.identity.openid_ports import OpenIdClient, OutsideIdentity, ProviderUnusable
from application.shared.ports import Clock
from domain.identity.oauth import LOOPBACK_HOSTS
from domain.identity.person import EMAIL_LENGTH_MAX

ANSWER_BYTES_MAX: Final = 256 * 1024
ANSWER_SECONDS_MAX: Final = 10.0
_TIMEOUT: Final = httpx2.Timeout(5)
_DISCOVERY: Final = "/.well-known/openid-configuration"
_REMEMBERED: Final = timedelta(hours=1)
# Signatures that only the provider can make: neither `none`, nor one made with the client's own secret.
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384")
_LEEWAY_SECONDS: Final = 60
_SUBJECT_LENGTH_MAX: Final = 255


class HttpOpenIdProvider:
    """A provider that is found by its issuer's URL; what it says of itself is remembered for an hour."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        clock: Clock,
        *,
        name: str,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """`seconds` is a clock that never jumps: where the provider cannot be used, it is left alone for a while."""
        self.name = name
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._answer_seconds_max = answer_seconds_max
        self._metadata: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None
        self._known_until = clock.now()
        # Whoever starts a log-in has us ask, without saying who they are.
        self._fetch_metadata = SharedFetch(self._fetched_metadata, ProviderUnusable, seconds=seconds)
        self._fetch_keys = SharedFetch(self._fetched_keys, ProviderUnusable, seconds=seconds)

    async def start(self, redirect_uri: str, *, state: str, nonce: str, code_challenge: str) -> str:
        metadata = await self._discovered()
        endpoint = _endpoint(metadata, "authorization_endpoint")
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(parameters)}"

    async def finish(
        self, redirect_uri: str, *, code: str, nonce: str, code_verifier: str, issuer: str | None
    ) -> OutsideIdentity:
        metadata = await self._discovered()
        is_issuer_told = metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != self._issuer and (issuer is not None or is_issuer_told):
            raise ProviderUnusable(f"the code comes from {issuer!a}, and not from {self._issuer}")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
        }
        headers = {}
        if "client_secret_basic" in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret}
        said = await self._asked("POST", _endpoint(metadata, "token_endpoint"), headers=headers, form=form)
        claims = await self._believed(said.get("id_token"), nonce)
        if "email" not in claims and "userinfo_endpoint" in metadata:
            claims = claims | await self._told_of(metadata, said.get("access_token"), claims["sub"])
        return _identity(self._issuer, claims)

    async def _discovered(self) -> Mapping[str, Any]:
        if self._metadata is None or self._clock.now() >= self._known_until:
            return await self._fetch_metadata()
        return self._metadata

    async def _fetched_metadata(self) -> Mapping[str, Any]:
        metadata = await self._asked("GET", self._issuer.rstrip("/") + _DISCOVERY)
        if metadata.get("issuer") != self._issuer:
            raise ProviderUnusable(f"it calls itself {metadata.get('issuer')!a}, and is {self._issuer}")
        self._metadata, self._keys = metadata, None
        self._known_until = self._clock.now() + _REMEMBERED
        return metadata

    async def _believed(self, id_token: Any, nonce: str) -> dict[str, Any]:
        """Return what the ID token says, shown to be the provider's, for us, and for this log-in."""
        if not isinstance(id_token, str) or not id_token.isascii():
            raise ProviderUnusable("it sends no ID token")
        was_known = self._keys is not None
        try:
            claims = self._decoded(id_token, self._keys or await self._fetch_keys())
        except (JoseError, ValueError) as error:
            if not was_known:
                raise ProviderUnusable(f"its ID token cannot be read: {error}") from None
            # It may have new keys.
            try:
                claims = self._decoded(id_token, await self._fetch_keys())
            except (JoseError, ValueError) as again:
                raise ProviderUnusable(f"its ID token cannot be read: {again}") from None
        registry = jwt.JWTClaimsRegistry(
            int(self._clock.now().timestamp()),
            _LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            azp={"value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderUnusable(f"its ID token is not good: {error}") from None
        of_nonce = claims.get("nonce")
        if not isinstance(of_nonce, str) or not hmac.compare_digest(of_nonce.encode(), nonce.encode()):
            raise ProviderUnusable("its ID token is of another log-in")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_LENGTH_MAX or not subject.isprintable():
            raise ProviderUnusable("its ID token names nobody")
        return dict(claims)

    def _decoded(self, id_token: str, keys: KeySet) -> dict[str, Any]:
        registry = jws.JWSRegistry(algorithms=list(ALGORITHMS))
        return dict(jwt.decode(id_token, keys, algorithms=list(ALGORITHMS), registry=registry).claims)

    async def _fetched_keys(self) -> KeySet:
        document = await self._asked("GET", _endpoint(await self._discovered(), "jwks_uri"))
        try:
            self._keys = KeySet.import_key_set(document)  # type: ignore[arg-type] # it checks what it is given
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise ProviderUnusable("its keys cannot be read") from None
        return self._keys

    async def _told_of(self, metadata: Mapping[str, Any], access_token: Any, subject: str) -> dict[str, Any]:
        """Return what else it tells of the person, its e-mail address above all."""
        if not isinstance(access_token, str) or not access_token.isascii():
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        told = await self._asked("GET", _endpoint(metadata, "userinfo_endpoint"), headers=headers)
        if told.get("sub") != subject:
            raise ProviderUnusable("it tells of another person than its ID token")
        return {name: told[name] for name in ("email", "email_verified") if name in told}

    async def _asked(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the JSON object at a URL. Raises `ProviderUnusable`."""
        # What is packed could be a thousand times as long when it is unpacked.
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        body = bytearray()
        where = f"{method} {urlsplit(url)._replace(query='').geturl()}"
        try:
            async with (
                asyncio.timeout(self._answer_seconds_max),
                # Of the environment, only which authorities to trust: no proxy, and no password of `.netrc`.
                httpx2.AsyncClient(
                    timeout=_TIMEOUT, follow_redirects=False, trust_env=False, verify=tls_context()
                ) as client,
                client.stream(method, url, headers=sent, data=form) as response,
            ):
                if response.status_code != 200:
                    raise ProviderUnusable(f"{where} answers with the status {response.status_code}")
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        raise ProviderUnusable(f"{where} answers with more than {ANSWER_BYTES_MAX:,} bytes")
            document = json.loads(body)
        except TimeoutError:
            raise ProviderUnusable(f"{where} does not answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ProviderUnusable(f"{where} cannot be reached: {str(error) or type(error).__name__}") from None
        except (ValueError, RecursionError):
            raise ProviderUnusable(f"{where} does not answer with JSON") from None
        if not isinstance(document, dict):
            raise ProviderUnusable(f"{where} does not answer with a JSON object")
        return document


def openid_provider(client: OpenIdClient | None, clock: Clock) -> HttpOpenIdProvider | None:
    """Return the provider that this server is known to, where there is one."""
    if client is None:
        return None
    return HttpOpenIdProvider(client.issuer, client.id, client.secret, clock, name=client.provider_name)


def _endpoint(metadata: Mapping[str, Any], name: str) -> str:
    url = metadata.get(name)
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
    except ValueError:
        is_safe = False
    if not is_safe or not isinstance(url, str):
        raise ProviderUnusable(f"its {name} is not a URL of https")
    return url


def _identity(issuer: str, claims: Mapping[str, Any]) -> OutsideIdentity:
    email = claims.get("email")
    is_email = isinstance(email, str) and 0 < len(email) <= EMAIL_LENGTH_MAX and email.isprintable()
    # Some say "true" as text; only what is true beyond doubt lets anyone take over an account.
    is_verified = is_email and claims.get("email_verified") is True
    return OutsideIdentity(issuer, claims["sub"], email if is_email else None, is_verified)

"""Access tokens as JSON Web Tokens (RFC 9068), signed with Ed25519."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry, extract_compact

from adapters.security.key_sealing import ChaChaKeySealing
from application.identity.token_keys import TokenKeyring
from application.identity.token_ports import AccessClaims
from application.shared.ports import Clock, Ids
from domain.identity.token_key import TokenKey
from domain.shared.errors import NotAuthenticated

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
LEEWAY_SECONDS: Final = 5
LENGTH_MAX: Final = 4_096
_HEADER: Final = frozenset({"alg", "typ", "kid"})
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class JwtAccessTokens:
    """Issues and reads them.

    One algorithm is known, whatever a token says; a token names its key, and one that names anything more, such as
    where to fetch a key, is not ours.
    """

    def __init__(
        self, keys: TokenKeyring, sealing: ChaChaKeySealing, clock: Clock, ids: Ids, *, issuer: str, audience: str
    ) -> None:
        """`issuer` and `audience` are URLs: of this server, and of the interface that the tokens are for."""
        self._keys = keys
        self._sealing = sealing
        self._clock = clock
        self._ids = ids
        self._issuer = issuer
        self._audience = audience
        self._registry = _OneAlgorithm()

    async def issue(self, claims: AccessClaims) -> str:
        return (await self.issuing())(claims)

    async def issuing(self) -> Callable[[AccessClaims], str]:
        return partial(self._issued, await self._keys.signing())

    def _issued(self, key: TokenKey, claims: AccessClaims) -> str:
        signing = OKPKey.import_key(self._sealing.private_half(key))
        content: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": claims.subject,
            "cred": claims.credential,
            "iat": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
            "jti": self._ids.new("tok"),
        }
        if claims.organisation_id is not None:
            # As text: not every program that looks into a token has whole numbers so large.
            content["org"] = str(claims.organisation_id)
        if claims.scopes is not None:
            content["scope"] = " ".join(claims.scopes)
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.id}
        return jwt.encode(header, content, signing, registry=self._registry)

    async def read(self, text: str) -> AccessClaims:
        if len(text) > LENGTH_MAX or not text.isascii():
            raise NotAuthenticated("The credential is no access token.")
        try:
            header = extract_compact(text.encode(), registry=self._registry).headers()
        except (JoseError, ValueError):
            raise NotAuthenticated("The credential is neither an API key nor an access token.") from None
        if header.keys() != _HEADER or (header["alg"], header["typ"]) != (ALGORITHM, TYPE):
            raise NotAuthenticated("The credential is not an access token of this server.")
        kid = header["kid"]
        key = await self._keys.verifying(kid) if isinstance(kid, str) else None
        if key is None:
            raise NotAuthenticated("The access token is signed with a key that this server does not know any more.")
        try:
            token = jwt.decode(text, _public_half(key.public_key), registry=self._registry)
        except (JoseError, ValueError):
            raise NotAuthenticated("The access token is not signed by this server.") from None
        return replace(self._claims(token.claims), key=key.id)

    def forget(self, *names: str) -> None:
        self._keys.forget(*names)

    def _claims(self, claims: Mapping[str, Any]) -> AccessClaims:
        registry = jwt.JWTClaimsRegistry(
            int(self._clock.now().timestamp()),
            LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            sub={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
            jti={"essential": True},
        )
        try:
            registry.validate(dict(claims))
        except JoseError as error:
            why = error.description.rstrip(".")
            raise NotAuthenticated(f"The access token is not good here, or not any more: {why}.") from None
        credential, organisation, scope = claims.get("cred"), claims.get("org"), claims.get("scope")
        if not (
            isinstance(credential, str)
            and (organisation is None or (isinstance(organisation, str) and _NUMBER.fullmatch(organisation)))
            and (scope is None or isinstance(scope, str))
        ):
            raise NotAuthenticated("The access token says something that no token of this server does.")
        return AccessClaims(
            subject=claims["sub"],
            credential=credential,
            organisation_id=None if organisation is None else int(organisation),
            scopes=None if scope is None else tuple(scope.split()),
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )


class _OneAlgorithm(JWSRegistry):
    """Knows EdDSA, and nothing else.

    RFC 9864 has a newer name for what it is with our keys, of which the library warns; few programs know it yet.
    """

    def get_alg(self, name: str) -> Any:
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(f"The algorithm is {ALGORITHM}, not {name!a}")
        return self.algorithms[name]


@lru_cache(16)
def _public_half(public_key: bytes) -> OKPKey:
    return OKPKey.import_key(Ed25519PublicKey.from_public_bytes(public_key))

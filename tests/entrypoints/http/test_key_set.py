"""The published keys of access tokens."""

import base64
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from httpx2 import AsyncClient

from application.identity.token_ports import ACCESS_TOKENS_LIVE, AccessClaims
from entrypoints.container import Services
from tests.entrypoints.http.access_tokens import issued
from tests.entrypoints.http.tenant import document


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_whoever_has_the_published_keys_can_check_a_token(client: AsyncClient, services: Services) -> None:
    now = services.clock.now()
    claims = AccessClaims("usr_x", "ses_x", None, None, now, now + ACCESS_TOKENS_LIVE)
    token = await issued(services, claims)
    response = await client.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == "public, max-age=300"
    keys = {key["kid"]: key for key in document(response)["keys"]}
    body, _, signature = token.rpartition(".")
    key = keys[json.loads(decoded(body.split(".")[0]))["kid"]]
    assert key.keys() == {"kty", "crv", "use", "alg", "kid", "x"}, "nothing of the private half"
    Ed25519PublicKey.from_public_bytes(decoded(key["x"])).verify(decoded(signature), body.encode())

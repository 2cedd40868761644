"""What a public key is known by."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from domain.shared.chain import canonical_json


def thumbprint(public_key: bytes) -> str:
    """Return the JWK thumbprint (RFC 7638, with the members that RFC 8037 asks for) of an Ed25519 public key."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": base64url(public_key)}
    return base64url(sha256(canonical_json(jwk)).digest())


def base64url(data: bytes) -> str:
    """Return bytes as text, as JSON Web Keys have them."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()

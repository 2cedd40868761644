"""What a public key is known by."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from domain.shared.chain import canonical_json


def thumbprint(public_key: bytes) -> str:
    """Return the JWK thumbprint (RFC 7638, with the members that RFC 8037 asks for) of an Ed25519 public key."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public_key)}
    return _base64url(sha256(canonical_json(jwk)).digest())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()

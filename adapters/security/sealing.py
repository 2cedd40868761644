"""Content that is encrypted where it is kept, with a secret that is kept elsewhere."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_NONCE_BYTES: Final = 12


class ChaChaSealing:
    """Seals with ChaCha20-Poly1305 (RFC 8439): a random nonce, and what it encrypts; the purpose is authenticated."""

    def __init__(self, secret: bytes) -> None:
        """Take the 32 bytes of the secret, which all servers of a database share."""
        self._cipher = ChaCha20Poly1305(secret)

    def seal(self, content: bytes, purpose: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, purpose)

    def opened(self, sealed: bytes, purpose: bytes) -> bytes | None:
        nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        if len(nonce) < _NONCE_BYTES:
            return None
        try:
            return self._cipher.decrypt(nonce, encrypted, purpose)
        except InvalidTag:
            return None

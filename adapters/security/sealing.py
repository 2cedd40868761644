"""Secrets and other content, sealed with a key that is not where they are kept."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_NONCE_BYTES: Final = 12


class ChaChaSealing:
    """Seals with ChaCha20-Poly1305 (RFC 8439): a random nonce, and what it encrypts; it authenticates the context."""

    def __init__(self, secret: bytes) -> None:
        """Take the 32 bytes of the secret, which all servers of a database share."""
        self._cipher = ChaCha20Poly1305(secret)

    def seal(self, content: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, context)

    def open(self, sealed: bytes, context: bytes) -> bytes | None:
        if len(sealed) < _NONCE_BYTES:
            return None
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag:
            return None

"""Secrets that are used again, encrypted with one that is not in the database."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from application.webhooks.ports import Unsealable

_NONCE_BYTES: Final = 12


class ChaChaSealing:
    """Seals with ChaCha20-Poly1305 (RFC 8439): a random nonce, and what it encrypts.

    What it is of is authenticated along with it, so that one that is moved to another row opens nothing.
    """

    def __init__(self, secret: bytes) -> None:
        """Take the 32 bytes of the secret, which all servers of a database share."""
        self._cipher = ChaCha20Poly1305(secret)

    def seal(self, plain: bytes, bound_to: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError):
            raise Unsealable(
                "The secret cannot be opened, as it was sealed with another signing key: rotate the secret."
            ) from None

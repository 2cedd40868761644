"""Private keys of access tokens, encrypted with a secret that is not in the database."""

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.security.sealing import ChaChaSealing
from application.shared.key_id import thumbprint
from domain.identity.token_key import TokenKey


class ChaChaKeySealing:
    """Seals private halves for their public ones.

    The public half is authenticated along with it, so that nobody who can only write to the store can put a key of
    their own there.
    """

    def __init__(self, secret: bytes) -> None:
        """Take the 32 bytes of the secret, which all servers of a database share."""
        self._sealing = ChaChaSealing(secret)
        self._opened = lru_cache(16)(self._open)

    def make(self) -> tuple[bytes, bytes]:
        key = Ed25519PrivateKey.generate()
        public_key = key.public_key().public_bytes_raw()
        return public_key, self._sealing.seal(key.private_bytes_raw(), public_key)

    def opens(self, key: TokenKey) -> bool:
        try:
            opened = self._opened(key.public_key, key.sealed)
        except InvalidTag:
            return False
        return opened.public_key().public_bytes_raw() == key.public_key and thumbprint(key.public_key) == key.id

    def private_half(self, key: TokenKey) -> Ed25519PrivateKey:
        """Return what signs, of a key that `opens`."""
        return self._opened(key.public_key, key.sealed)

    def _open(self, public_key: bytes, sealed: bytes) -> Ed25519PrivateKey:
        private_bytes = self._sealing.open(sealed, public_key)
        if private_bytes is None:
            raise InvalidTag
        return Ed25519PrivateKey.from_private_bytes(private_bytes)

"""Idempotency keys: doing a thing once, however often it is asked for (rule 6 of the ledger)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.shared.errors import IdempotencyConflict
from domain.shared.stable import stable
from domain.shared.text import checked_name

KEY_LENGTH_MAX: Final = 255
KEYS_LIVE: Final = timedelta(days=30)


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that the caller chose, and the SHA-256 of the request that it stands for."""

    key: str
    fingerprint: bytes

    def __post_init__(self) -> None:
        """Raise `ValidationFailed` for a key that is empty, longer than 255 characters, or not one line of text."""
        checked_name(self.key, what="The Idempotency-Key", length_max=KEY_LENGTH_MAX)

    def require_same_request(self, fingerprint: bytes) -> None:
        """Return if the key was first used for this very request; else raise `IdempotencyConflict`."""
        if fingerprint != self.fingerprint:
            raise IdempotencyConflict(f"The key {self.key!r} was used before with a different request.")

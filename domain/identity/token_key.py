"""Keys that access tokens are signed with: which of them signs, and how one takes the place of another.

A new key is published at once and signs only ten minutes later, when everyone who verifies has fetched it. The one
before it verifies until the last token that it signed has expired.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PUBLISHED_BEFORE_SIGNING: Final = timedelta(minutes=10)
# How much later than its time a server may still sign with the key before: its clock and its copy of the list.
SIGNS_LATE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """An Ed25519 key. Its `id` is the thumbprint of its public half; `sealed` is its private half, encrypted.

    Times are UTC. It signs from `signs_from` on, until a newer key does; None for `verifies_until` is for good.
    """

    id: str
    public_key: bytes
    sealed: bytes
    created_at: datetime
    signs_from: datetime
    verifies_until: datetime | None = None

    def verifies(self, now: datetime) -> bool:
        """Whether tokens of this key are taken."""
        return self.verifies_until is None or now < self.verifies_until


def signing_key(keys: Iterable[TokenKey], now: datetime) -> TokenKey | None:
    """Return the key that signs: the newest of those whose time has come, or None."""
    able = [key for key in keys if key.signs_from <= now and key.verifies(now)]
    return max(able, key=lambda key: (key.signs_from, key.id), default=None)


def end_of_predecessors(signs_from: datetime, tokens_live: timedelta) -> datetime:
    """Return until when the keys before verify, if a new one signs from then on."""
    return signs_from + SIGNS_LATE + tokens_live

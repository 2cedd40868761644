"""Idempotency keys that are good for nothing any more."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from application.shared.batches import in_batches
from application.shared.idempotency import KEYS_LIVE
from application.shared.ports import Clock

# Longer than they are good for: the clocks of servers differ.
KEYS_KEPT: Final = KEYS_LIVE + timedelta(days=1)
# So many are locked at a time, for milliseconds.
REMOVED_AT_ONCE: Final = 2_000


class UsedKeys(Protocol):
    """Idempotency keys of all organisations."""

    async def remove(self, before: datetime, limit: int) -> int:
        """Forget keys that were used before that time (UTC), at most so many; return how many those were.

        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...


async def remove_old_keys(keys: UsedKeys, clock: Clock) -> int:
    """Forget the idempotency keys that are good for nothing any more; return how many those were.

    Raises `StoreUnavailable`, `CommitInDoubt`.
    """
    return await in_batches(partial(keys.remove, clock.now() - KEYS_KEPT), REMOVED_AT_ONCE)

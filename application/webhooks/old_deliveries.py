"""Deliveries that were over long ago, which nobody looks at any more."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from application.shared.batches import in_batches
from application.shared.ports import Clock
from application.webhooks.outbox import Outbox

KEPT_DAYS: Final = 30
REMOVED_AT_ONCE: Final = 1_000


class OldDeliveries(Protocol):
    """Deliveries that were over long ago."""

    async def remove(self, organisation_id: int, before: datetime, limit: int) -> int:
        """Remove up to so many of an organisation's that are older; return how many. Raises `StoreUnavailable`.

        Those of endpoints that were deleted go whatever their state, and such endpoints with the last of them.
        """
        ...


async def remove_old_deliveries(outbox: Outbox, old: OldDeliveries, clock: Clock) -> int:
    """Remove deliveries that were over 30 days ago, and return how many. Raises `StoreUnavailable`."""
    before = clock.now() - timedelta(days=KEPT_DAYS)
    removed = 0
    for organisation_id in await outbox.organisations(None):
        removed += await in_batches(partial(old.remove, organisation_id, before), REMOVED_AT_ONCE)
    return removed

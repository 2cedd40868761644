"""When API keys were last used: known to the minute, and never in the way of a request."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from application.identity.ports import KeyUses
from application.shared.background import Background
from application.shared.ports import Clock, CommitInDoubt, StoreUnavailable

MARKED_EVERY: Final = timedelta(minutes=1)
MARKED_MAX: Final = 10_000
PATIENCE_SECONDS: Final = 2.0

_log = logging.getLogger("partita.keys")


class KeyUseMarks:
    """Keeps in the background that keys are used, each at most once a minute; what the store misses is let go."""

    def __init__(self, uses: KeyUses, clock: Clock) -> None:
        self._uses = uses
        self._clock = clock
        self._marked: dict[str, float] = {}
        self._marking = Background(patience_seconds=PATIENCE_SECONDS)

    def note(self, organisation_id: int, id: str) -> None:
        """Have it kept that the key is used now, unless that was done within the last minute."""
        seconds = asyncio.get_running_loop().time()
        if self._marked.get(id, 0.0) > seconds:
            return
        self._marked.pop(id, None)
        if len(self._marked) >= MARKED_MAX:
            del self._marked[next(iter(self._marked))]
        self._marked[id] = seconds + MARKED_EVERY.total_seconds()
        self._marking.begin(self._mark(organisation_id, id))

    async def settle(self) -> None:
        """Wait for a while until all that was noted is kept; what takes longer is let go."""
        await self._marking.settle()

    async def _mark(self, organisation_id: int, id: str) -> None:
        now = self._clock.now()
        try:
            await self._uses.mark(organisation_id, id, now, unless_after=now - MARKED_EVERY)
        except (StoreUnavailable, CommitInDoubt):
            _log.debug("the last use of %s was not kept: the store is away", id)
        except Exception:
            _log.exception("the last use of %s was not kept", id)

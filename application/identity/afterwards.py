"""What is done after an answer was given, so that the answer, and how long it takes, tells nothing of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from application.shared.background import Background
from application.shared.ports import StoreUnavailable

WAITING_MAX: Final = 1_000
RETRY_SECONDS: Final = 1.0
CLOSING_SECONDS: Final = 5.0

_log = logging.getLogger("partita.afterwards")


class Afterwards:
    """Does what was asked for, one thing after the other, in the order in which it was asked for.

    A server that ends does what it has taken on, within five seconds; what it loses can be asked for again.
    """

    def __init__(
        self,
        *,
        waiting_max: int = WAITING_MAX,
        retry_seconds: float = RETRY_SECONDS,
        closing_seconds: float = CLOSING_SECONDS,
    ) -> None:
        """At most `waiting_max` things wait; what the store was away for is tried once more after a pause."""
        self._waiting_max = waiting_max
        self._retry_seconds = retry_seconds
        self._doing = Background(patience_seconds=closing_seconds)
        self._turn = asyncio.Lock()

    def begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work, soon; it may be begun a second time."""
        if len(self._doing) >= self._waiting_max:
            _log.error("what a visitor has asked for was not done: %s wait already", f"{self._waiting_max:,}")
            return
        self._doing.begin(self._do(work))

    async def settle(self) -> None:
        """Wait a moment for what is still to be done, and give the rest up."""
        await self._doing.settle()

    async def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        async with self._turn:
            try:
                try:
                    await work()
                except StoreUnavailable:
                    await asyncio.sleep(self._retry_seconds)
                    await work()
            except Exception:
                _log.exception("what a visitor has asked for was not done")

"""Whether a part of the server is in order, asked no more often than once a second."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from application.shared.ports import Health

REMEMBERED_SECONDS: Final = 1.0


class RememberedHealth:
    """Asks a part how it is, and answers all who ask within a second with what it said: they may be anyone."""

    def __init__(self, part: Health, *, seconds: Callable[[], float] = monotonic) -> None:
        """`seconds` is a clock that never jumps."""
        self._part = part
        self._seconds = seconds
        self._told: tuple[float, str | None] | None = None
        self._asking = asyncio.Lock()

    async def trouble(self) -> str | None:
        """Return what was wrong with it at most a second ago."""
        async with self._asking:
            now = self._seconds()
            if self._told is None or now >= self._told[0] + REMEMBERED_SECONDS:
                self._told = (now, await self._part.trouble())
            return self._told[1]

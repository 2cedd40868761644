"""Removing much, a batch at a time, so that nobody waits long for what is locked meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PAUSE_SECONDS: Final = 0.05


async def in_batches(remove: Callable[[int], Awaitable[int]], limit: int) -> int:
    """Have at most so many removed at a time until fewer are left than that; return how many those were in all.

    `remove` is given the limit, and returns how many it has removed. Raises what it raises.
    """
    removed = 0
    while True:
        count = await remove(limit)
        removed += count
        if count < limit:
            return removed
        await asyncio.sleep(PAUSE_SECONDS)

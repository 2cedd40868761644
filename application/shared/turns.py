"""Long work on one event loop, while others are served."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

# About a millisecond for a line of text: whoever else is served by this event loop does not notice.
PARTS_PER_TURN: Final = 500

Part = TypeVar("Part")


async def in_turns(parts: Iterable[Part], parts_per_turn: int = PARTS_PER_TURN) -> AsyncIterator[Part]:
    """Yield the parts, and let others have their turn after so many."""
    for index, part in enumerate(parts, 1):
        yield part
        if index % parts_per_turn == 0:
            await asyncio.sleep(0)

"""Work that nobody waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Does work beside whoever has asked for it. What goes wrong with it, it has to tell of itself."""

    def __init__(self, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, soon."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for a while until all that was begun is done; what takes longer is given up."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._patience_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

"""Work that many want at the same time, and is done once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Result]):
    """Does the work of a key once for all who come while it is under way, in this process.

    One who goes away stops it for nobody else, and it goes on even where all have gone. What fails, fails for those who
    wait for it; whoever comes afterwards has it tried again.
    """

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[Result]] = {}

    async def once(self, key: Key, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Return what the work of this key returns, or raise what it raises; begin it if it is not under way."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    def leave_behind(self) -> None:
        """Let what is under way answer those who wait for it already, and nobody who comes from now on."""
        self._under_way.clear()

    def _done(self, key: Key, task: asyncio.Task[Result]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            task.exception()  # also where every caller has gone, it counts as seen

"""What many want from somewhere else at once, and is asked for once."""

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from time import monotonic
from typing import Any, Final, Generic, TypeVar

REFUSED_SECONDS: Final = 5.0

Fetched = TypeVar("Fetched")


class SharedFetch(Generic[Fetched]):
    """Asks once for all who come while it is under way; what failed is not tried again for five seconds.

    Who goes away stops it for nobody else.
    """

    def __init__(
        self,
        fetch: Callable[[], Coroutine[Any, Any, Fetched]],
        failure: type[Exception],
        *,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """`failure` is what `fetch` raises; `seconds` is a clock that, unlike the wall's, never jumps."""
        self._fetch = fetch
        self._failure = failure
        self._seconds = seconds
        self._under_way: asyncio.Task[Fetched] | None = None
        self._refused_until = -inf
        self._why = ""

    async def __call__(self) -> Fetched:
        """Return what is fetched. Raises the failure, also one of a moment ago."""
        if self._under_way is None:
            if self._seconds() < self._refused_until:
                raise self._failure(f"{self._why} (a moment ago)")
            self._under_way = asyncio.create_task(self._fetch())
            self._under_way.add_done_callback(self._done)
        return await asyncio.shield(self._under_way)

    def _done(self, task: "asyncio.Task[Fetched]") -> None:
        self._under_way = None
        if not task.cancelled() and isinstance(error := task.exception(), self._failure):
            self._refused_until, self._why = self._seconds() + REFUSED_SECONDS, str(error)

"""What many want from somewhere else at once, and is asked for once."""

from collections.abc import Callable, Coroutine
from math import inf
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from application.shared.single_flight import SingleFlight

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
        self._under_way: SingleFlight[None, Fetched] = SingleFlight()
        self._refused_until = -inf
        self._why = ""

    async def __call__(self) -> Fetched:
        """Return what is fetched. Raises the failure, also one of a moment ago."""
        if self._seconds() < self._refused_until:
            raise self._failure(f"{self._why} (a moment ago)")
        return await self._under_way.once(None, self._fetch_or_remember)

    async def _fetch_or_remember(self) -> Fetched:
        try:
            return await self._fetch()
        except self._failure as error:
            self._refused_until, self._why = self._seconds() + REFUSED_SECONDS, str(error)
            raise

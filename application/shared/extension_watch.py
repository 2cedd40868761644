"""Watching extensions: that one fails or is slow is told with its name."""

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from typing import Final

from application.shared.containing import contained

TOLD_EVERY_SECONDS: Final = 60.0

Errors = tuple[type[Exception], ...]

_log = logging.getLogger("partita.extensions")


class ExtensionWatch:
    """Logs that something of an extension fails, or takes too long: each once a minute at most."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._told_at: dict[tuple[str, bool], float] = {}

    @contextmanager
    def doing(self, what: str, *, slow_seconds: float, fine: Errors = ()) -> Iterator[None]:
        """Have it done here, whatever that is: `its posting policy`. Whatever it raises, is raised as an `Exception`.

        What is `fine`, such as a refusal, is no failure of its own.
        """
        began = perf_counter()
        try:
            with contained():
                yield
        except Exception as error:
            if not isinstance(error, fine):
                self.tell(what, error)
            raise
        finally:
            seconds = perf_counter() - began
            if seconds > slow_seconds and self._is_to_be_told(what, is_failure=False):
                _log.warning("the extension %s took %.0f ms in %s", self.name, seconds * 1_000, what)

    @contextmanager
    def awaiting(self, what: str, *, slow_seconds: float, fine: Errors = ()) -> Iterator[None]:
        """Do as `doing` does, where the loop goes on meanwhile: that it takes long is told while it does, too."""
        under_way = asyncio.get_running_loop().call_later(slow_seconds, self._tell_under_way, what, slow_seconds)
        try:
            with self.doing(what, slow_seconds=slow_seconds, fine=fine):
                yield
        finally:
            under_way.cancel()

    async def awaited(
        self, what: str, done: Awaitable[None], *, slow_seconds: float, seconds_max: float, fine: Errors = ()
    ) -> None:
        """Wait until it is done, for so long at most. Raises whatever it does, and `TimeoutError`.

        That it was cancelled, where nobody has cancelled us, is a failure of its own.
        """
        with self.awaiting(what, slow_seconds=slow_seconds, fine=fine):
            async with asyncio.timeout(seconds_max):
                try:
                    await done
                except asyncio.CancelledError as error:
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        raise
                    raise RuntimeError("it was cancelled from within") from error

    def _tell_under_way(self, what: str, seconds: float) -> None:
        if self._is_to_be_told(what, is_failure=False):
            _log.warning("the extension %s takes more than %.0f s in %s, and has not ended", self.name, seconds, what)

    def tell(self, what: str, error: Exception) -> None:
        """Log that it failed there."""
        if self._is_to_be_told(what, is_failure=True):
            _log.error("the extension %s failed in %s", self.name, what, exc_info=error)

    def _is_to_be_told(self, what: str, *, is_failure: bool) -> bool:
        now = monotonic()
        told_at = self._told_at.get((what, is_failure))
        if told_at is not None and now < told_at + TOLD_EVERY_SECONDS:
            return False
        self._told_at[what, is_failure] = now
        return True

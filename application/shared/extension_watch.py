"""Watching extensions: that one fails or is slow is told with its name."""

import logging
from collections.abc import Iterator
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

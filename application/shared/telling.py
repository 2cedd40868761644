"""Telling of what fails again and again while a store is away."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from application.shared.ports import CommitInDoubt, StoreUnavailable
from domain.shared.errors import Overloaded, Unavailable

TOLD_EVERY_SECONDS: Final = 60.0
# What passes by itself, and is no mistake of ours.
_PASSING: Final = (StoreUnavailable, CommitInDoubt, Unavailable, Overloaded)


class Telling:
    """Logs why some work fails, once a minute at most: it is tried again and again."""

    def __init__(self, log: logging.Logger, later: str, fault: str) -> None:
        """`later` says that the work is done later, where the reason passes by itself; `fault` that it failed."""
        self._log = log
        self._later = later
        self._fault = fault
        self._told_at: float | None = None

    def tell(self, error: Exception) -> None:
        """Log it, unless something was logged within the last minute."""
        now = monotonic()
        if self._told_at is not None and now < self._told_at + TOLD_EVERY_SECONDS:
            return
        self._told_at = now
        if isinstance(error, _PASSING):
            self._log.warning("%s: %s", self._later, error)
        else:
            self._log.error(self._fault, exc_info=error)


class Outage:
    """Logs once that something is away, as soon as that has lasted for a while; and anew after it was there again."""

    def __init__(
        self,
        log: logging.Logger,
        text: str,
        *,
        level: int = logging.WARNING,
        after_seconds: float = 0.0,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """`text` has a place for the reason."""
        self._log = log
        self._text = text
        self._level = level
        self._after_seconds = after_seconds
        self._seconds = seconds
        self._began_at: float | None = None
        self.is_told = False

    def goes_on(self, error: Exception) -> None:
        """Say that it is away, and why."""
        now = self._seconds()
        if self._began_at is None:
            self._began_at = now
        if not self.is_told and now >= self._began_at + self._after_seconds:
            self.is_told = True
            self._log.log(self._level, self._text, error)

    def is_over(self) -> None:
        """Say that it is there."""
        self._began_at, self.is_told = None, False

"""Telling of what fails again and again while a store is away."""

import logging
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

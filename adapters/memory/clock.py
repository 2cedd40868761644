"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 11, 24, 10, tzinfo=UTC)


class ManualClock:
    """A `Clock` that shows what it was set to, forwards or backwards."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """Show this UTC time from now on."""
        self._now = moment

    def advance(self, by: timedelta) -> None:
        """Go forward by so much, or back if it is negative."""
        self._now += by

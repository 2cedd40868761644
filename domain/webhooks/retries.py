"""When a delivery that failed is tried again: exponential back-off with full jitter, over about three days.

So many attempts are made and no more, whatever any clock says. Before the second one a pause of up to 5 s is drawn,
before each further one of up to twice as long as before, up to 12 h: of 24 attempts, the last comes three days after
the first, give or take half a day.
"""

from datetime import timedelta
from typing import Final

ATTEMPTS_MAX: Final = 24
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=12)
# What a receiver may ask for in `Retry-After`.
ASKED_PAUSE_MAX: Final = timedelta(hours=1)


def longest_pause(attempts: int) -> timedelta:
    """Return how long the pause after so many failed attempts may be."""
    assert attempts > 0
    # Beyond these doublings it is the longest one anyway.
    doublings: int = 2 ** min(attempts - 1, 20)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doublings)


def pause(attempts: int, chance: float, asked: timedelta | None = None) -> timedelta:
    """Return the pause after so many failed attempts, for a `chance` from 0 to 1.

    It is no shorter than what the receiver has asked for, if that is no more than an hour.
    """
    drawn = longest_pause(attempts) * chance
    return drawn if asked is None else max(drawn, min(asked, ASKED_PAUSE_MAX))

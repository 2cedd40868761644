"""Time zones: those that a ledger may have, and when a day begins there."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from domain.shared.errors import ValidationFailed
from domain.shared.stable import stable

# Not zones, but what a machine happens to be set to, or that it is not set at all.
_OF_THE_MACHINE = frozenset({"localtime", "Factory"})
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    # Once: to find out takes some hundred small files.
    return frozenset(available_timezones()) - _OF_THE_MACHINE


def checked_time_zone(name: str) -> str:
    """Return `name` if it is UTC or in the time zone database (IANA) of this machine; else raise `ValidationFailed`."""
    if name != "UTC" and name not in _known():
        shown = name if len(name) <= 80 else name[:80] + "…"
        raise ValidationFailed(
            f"There is no time zone {shown!a}: write UTC, or a name of the IANA database, such as Europe/Berlin.",
            pointer="/time_zone",
        )
    return name


@stable(since="0.2.0")
def beginning_of_day(day: date, time_zone: str, *, pointer: str | None = None) -> datetime:
    """Return the first moment (UTC) of the day in the time zone.

    That is midnight; the earlier one where clocks are set back over it; and where they are set forward over it, so that
    it does not exist, the moment at which they are. Raises `ValidationFailed` where that is before the year 1.
    """
    zone = UTC if time_zone == "UTC" else ZoneInfo(time_zone)
    midnight = datetime.combine(day, time.min)
    try:
        # The offset before a change goes with fold 0: of two midnights that is the earlier one.
        begins = midnight.replace(tzinfo=zone).astimezone(UTC)
        if begins.astimezone(zone).replace(tzinfo=None) == midnight:
            return begins
        # There is no midnight. With the offset after the change it comes out before the change, with that before it
        # not: the change lies in between, at a whole second.
        before = midnight.replace(tzinfo=zone, fold=1).astimezone(UTC)
    except OverflowError:
        raise ValidationFailed(f"The day {day} begins before the year 1 of UTC.", pointer=pointer) from None
    offset_before = before.astimezone(zone).utcoffset()
    while begins - before > _SECOND:
        middle = before + (begins - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == offset_before:
            before = middle
        else:
            begins = middle
    return begins

"""Times as clients name them: to the microsecond, or by a day of the ledger's time zone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from application.ledger.reports import Interval
from application.ledger.time_zones import beginning_of_day
from domain.shared.errors import ValidationFailed
from entrypoints.schemas.forms import parse_date, parse_time

# The smallest step of time there is: what is effective at a time is effective before the next one.
_STEP: Final = timedelta(microseconds=1)


def read_moment(parameter: str, text: str | None) -> datetime | date | None:
    """Return the time or the day that a parameter names, if it is given. Raises `ValidationFailed`."""
    if text is None:
        return None
    try:
        return parse_time(text) if "T" in text.upper() else parse_date(text)
    except ValueError as error:
        raise ValidationFailed(f"{parameter} {error}.") from None


def is_day(moment: datetime | date | None) -> bool:
    """Return whether it is a day, so that it takes a time zone to say when it begins and ends."""
    return isinstance(moment, date) and not isinstance(moment, datetime)


def start_of(moment: datetime | date, zone: ZoneInfo) -> datetime:
    """Return the time (UTC), or the first one of a day in the zone. Raises `ValidationFailed` before the year 1."""
    return moment if isinstance(moment, datetime) else beginning_of_day(moment, zone.key)


def end_of(moment: datetime | date, zone: ZoneInfo) -> datetime:
    """Return the first time (UTC) after a time, or after a day in the zone. Raises `ValidationFailed` after 9999."""
    try:
        if isinstance(moment, datetime):
            return moment + _STEP
        return start_of(moment + timedelta(days=1), zone)
    except OverflowError:
        raise ValidationFailed(f"There is no time after {moment.isoformat()}.") from None


@dataclass(frozen=True, slots=True)
class AskedInterval:
    """A span of effective time that is asked for, under the names of its two parameters; None is open."""

    names: tuple[str, str]
    start: datetime | date | None = None
    end: datetime | date | None = None

    @property
    def is_asked(self) -> bool:
        """Whether an end is given."""
        return self.start is not None or self.end is not None

    def interval(self, zone: ZoneInfo) -> Interval:
        """Return the span in UTC: a day is where it begins in the zone. Raises `ValidationFailed` if it ends first."""
        since = None if self.start is None else start_of(self.start, zone)
        before = None if self.end is None else start_of(self.end, zone)
        if since is not None and before is not None and since > before:
            raise ValidationFailed(
                f"{self.names[0]} is later than {self.names[1]}: the span would end before it begins."
            )
        return Interval(since, before)

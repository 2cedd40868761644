"""Dates as journals write them, and when a day begins."""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from application.ledger.time_zones import beginning_of_day
from domain.shared.errors import ValidationFailed

_DATE: Final = re.compile(r"(?:([0-9]{4,5})([-/.]))?([0-9]{1,2})([-/.])([0-9]{1,2})")


class NoDate(Exception):
    """A text is no date; says why, in a clause."""


@lru_cache(maxsize=4_096)
def read_date(text: str, year: int | None) -> date:
    """Return a date: year, month and day with `-`, `/` or `.` between them; `year` where it has none.

    Raises `NoDate`.
    """
    match = _DATE.fullmatch(text)
    if match is None or (match[2] or match[4]) != match[4]:
        raise NoDate(f"{text[:40]!r} is no date")
    of_year = int(match[1]) if match[1] else year
    if of_year is None:
        raise NoDate(f"{text!r} has no year, and none was said before")
    try:
        return date(of_year, int(match[3]), int(match[5]))
    except ValueError as error:
        raise NoDate(f"there is no {text!r} in the calendar") from error


@lru_cache(maxsize=4_096)
def begins_at(day: date, time_zone: str) -> datetime:
    """Return when the day begins (UTC). Raises `NoDate` before the year 1."""
    try:
        return beginning_of_day(day, time_zone)
    except ValidationFailed as error:
        raise NoDate(f"{day} begins before the year 1") from error

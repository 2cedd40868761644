"""When a day begins in a time zone; what clocks did there is history, and stands in the IANA database."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ledger.time_zones import beginning_of_day, checked_time_zone
from domain.shared.errors import ValidationFailed


@pytest.mark.parametrize(
    ("day", "time_zone", "begins"),
    [
        (date(2026, 4, 1), "UTC", datetime(2026, 4, 1, 0, 0, tzinfo=UTC)),
        (date(2026, 4, 1), "Europe/Berlin", datetime(2026, 3, 31, 22, 0, tzinfo=UTC)),
        (date(2026, 1, 1), "Europe/Berlin", datetime(2025, 12, 31, 23, 0, tzinfo=UTC)),
        (date(2026, 1, 1), "Asia/Kathmandu", datetime(2025, 12, 31, 18, 15, tzinfo=UTC)),
        # From 24:00 to 1:00: the day begins at 1:00.
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3, 0, tzinfo=UTC)),
        # From 23:30 to 0:30: the day begins at 0:30.
        (date(1919, 3, 31), "America/Toronto", datetime(1919, 3, 31, 4, 30, tzinfo=UTC)),
        # From 1:00 back to 0:00: the day begins at the first midnight.
        (date(2025, 11, 2), "America/Havana", datetime(2025, 11, 2, 4, 0, tzinfo=UTC)),
        # From 24:00 back to 23:00: the day begins when the one before is over for the second time.
        (date(2019, 2, 17), "America/Sao_Paulo", datetime(2019, 2, 17, 3, 0, tzinfo=UTC)),
        # From 24:00 to 24:00 a day later: the day that was left out begins with the next one.
        (date(2011, 12, 30), "Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
        (date(2011, 12, 31), "Pacific/Apia", datetime(2011, 12, 30, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_first_moment(day: date, time_zone: str, begins: datetime) -> None:
    assert beginning_of_day(day, time_zone) == begins


@given(
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    st.sampled_from(["America/Toronto", "America/Sao_Paulo", "Pacific/Apia", "Africa/Cairo", "Asia/Beirut", "UTC"]),
)
def test_the_moment_before_a_day_lies_on_another(day: date, time_zone: str) -> None:
    zone = ZoneInfo(time_zone)
    begins = beginning_of_day(day, time_zone)
    assert begins.astimezone(zone).date() >= day
    assert (begins - timedelta(microseconds=1)).astimezone(zone).date() < day


def test_a_day_that_begins_before_the_first_year_is_refused() -> None:
    with pytest.raises(ValidationFailed) as refused:
        beginning_of_day(date.min, "Asia/Tokyo", pointer="/until")
    assert refused.value.blames[0].pointer == "/until"


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"])
def test_a_time_zone_of_the_database_will_do(name: str) -> None:
    assert checked_time_zone(name) == name


@pytest.mark.parametrize("name", ["", "Berlin", "europe/berlin", "UTC+1", "localtime", "Factory", "../UTC", "a\x00b"])
def test_anything_else_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationFailed, match="There is no time zone") as refused:
        checked_time_zone(name)
    assert refused.value.blames[0].pointer == "/time_zone"

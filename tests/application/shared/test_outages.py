"""That something is away is told once for each time that it is, if it lasts."""

import logging

import pytest

from application.shared.telling import Outage

LOG = logging.getLogger("partita.tests")
GONE = ConnectionError("gone")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOG.name]


def test_an_outage_is_told_once_and_the_next_one_again(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(LOG, "it is away: %s")
    for _ in range(1_000):
        outage.goes_on(GONE)
    assert told(caplog) == ["it is away: gone"]
    outage.is_over()
    assert not outage.is_told
    outage.goes_on(GONE)
    assert told(caplog) == 2 * ["it is away: gone"]


def test_what_passes_sooner_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    times = iter((100.0, 102.9, 103.0, 105.9, 106.0, 200.0))
    outage = Outage(LOG, "it is away: %s", after_seconds=3, seconds=lambda: next(times))
    for _ in range(2):
        outage.goes_on(GONE)
    outage.is_over()
    for _ in range(2):
        outage.goes_on(GONE)
    assert told(caplog) == []
    for _ in range(2):
        outage.goes_on(GONE)
    assert told(caplog) == ["it is away: gone"]


def test_it_is_told_as_loud_as_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    Outage(LOG, "it is away: %s", level=logging.INFO).goes_on(GONE)
    assert [record.levelno for record in caplog.records if record.name == LOG.name] == [logging.INFO]

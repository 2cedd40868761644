"""When a delivery is tried again."""

from datetime import timedelta
from itertools import pairwise

from domain.webhooks.retries import ATTEMPTS_MAX, pause


def test_pauses_double_up_to_half_a_day() -> None:
    longest = [pause(attempts, 1.0) for attempts in range(1, ATTEMPTS_MAX)]
    assert [each.total_seconds() for each in longest[:4]] == [5, 10, 20, 40]
    assert all(after == min(2 * before, timedelta(hours=12)) for before, after in pairwise(longest))
    assert longest[-1] == timedelta(hours=12)


def test_all_of_a_pause_is_drawn() -> None:
    assert pause(3, 0.0) == timedelta()
    assert pause(3, 0.25) == timedelta(seconds=5)


def test_the_last_attempt_comes_about_three_days_after_the_first() -> None:
    # On average half of each pause: (5 + 10 + … + 40,960) / 2 + 9 × 6 h is 11 h 22 min + 54 h.
    drawn = sum((pause(attempts, 0.5) for attempts in range(1, ATTEMPTS_MAX)), timedelta())
    assert timedelta(days=2.5) < drawn < timedelta(days=3.5)


def test_a_receiver_may_ask_for_more_but_not_for_days() -> None:
    assert pause(1, 0.5, timedelta(seconds=60)) == timedelta(seconds=60)
    assert pause(1, 0.5, timedelta(seconds=1)) == timedelta(seconds=2.5)
    assert pause(1, 0.5, timedelta(days=9)) == timedelta(hours=1)


def test_however_often_it_was_tried_a_pause_can_be_drawn() -> None:
    assert pause(10**9, 1.0) == timedelta(hours=12)

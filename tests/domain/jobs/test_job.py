"""The rules of jobs: how each attempt ends, after which pause the next one begins, and who may ask again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.jobs.job import (
    ATTEMPTS_MAX,
    Job,
    JobAuthor,
    JobKind,
    JobNotRetryable,
    JobState,
    Progress,
    pause_after,
)
from domain.shared.access import Permission

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AUTHOR = JobAuthor("key_1", "key_1", frozenset({Permission.TRANSACTIONS_POST}))
QUEUED = Job(7, "job_1", JobKind.IMPORT, "main", {}, AUTHOR, "req_1", Progress(0, 3, "parts"), NOW)
RUNNING = replace(QUEUED, state=JobState.RUNNING, lease="lease_1", attempts=1, started_at=NOW)
PROBLEM = {"code": "unavailable"}
ENDS = (JobState.DONE, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)


def test_pauses_are_four_times_as_long_each_time_up_to_ten_minutes() -> None:
    seconds = [pause_after(attempts).total_seconds() for attempts in range(1, 8)]
    assert seconds == [2, 8, 32, 128, 512, 600, 600]


@given(st.integers(-5, 10_000))
def test_no_pause_is_longer_or_shorter_than_there_are(attempts: int) -> None:
    assert timedelta(seconds=2) <= pause_after(attempts) <= timedelta(minutes=10)


def test_which_states_are_an_end() -> None:
    assert tuple(state for state in JobState if state.is_end) == ENDS


@pytest.mark.parametrize(("attempts", "pause"), [(1, 2), (2, 8), (3, 32), (4, 128)])
def test_what_was_interrupted_waits_and_is_nobodys(attempts: int, pause: int) -> None:
    job = replace(RUNNING, attempts=attempts).interrupted(NOW, PROBLEM)
    assert (job.state, job.lease, job.finished_at) == (JobState.QUEUED, None, None)
    assert (job.pause, job.attempts, job.problem) == (timedelta(seconds=pause), attempts, PROBLEM)


def test_what_was_interrupted_five_times_without_coming_further_is_dead() -> None:
    job = replace(RUNNING, attempts=5).interrupted(NOW, PROBLEM)
    assert (job.state, job.lease, job.finished_at, job.problem) == (JobState.DEAD, None, NOW, PROBLEM)


@given(st.integers(1, 2 * ATTEMPTS_MAX))
def test_an_attempt_is_the_last_one_or_was_one_too_many(attempts: int) -> None:
    job = replace(RUNNING, attempts=attempts)
    assert (job.is_worn_out, job.was_worn_out) == (attempts >= 5, attempts > 5)
    # Only what was left without a word is begun once too often, and so it is not interrupted again.
    assert job.interrupted(NOW, PROBLEM).state.is_end == job.is_worn_out


def test_what_is_given_back_is_as_if_it_had_not_been_begun() -> None:
    job = replace(RUNNING, attempts=3, pause=timedelta(minutes=2)).given_back()
    assert (job.state, job.lease, job.attempts, job.pause) == (JobState.QUEUED, None, 2, timedelta())
    assert replace(RUNNING, attempts=0).given_back().attempts == 0


def test_what_is_done_has_a_type_and_no_problem() -> None:
    job = replace(RUNNING, problem=PROBLEM).done("text/csv", NOW)
    assert (job.state, job.result_type, job.problem) == (JobState.DONE, "text/csv", None)
    assert (job.lease, job.finished_at) == (None, NOW)


@pytest.mark.parametrize("state", ENDS)
def test_only_what_ended_badly_can_be_tried_again(state: JobState) -> None:
    ended = replace(RUNNING, attempts=5, parts_done=2).ended(state, NOW, problem=PROBLEM)
    other = JobAuthor("usr_2", "ses_2", frozenset())
    if state is JobState.DONE:
        with pytest.raises(JobNotRetryable):
            ended.tried_again(other, "req_2", NOW)
        return
    again = ended.tried_again(other, "req_2", NOW)
    assert (again.state, again.author, again.request_id) == (JobState.QUEUED, other, "req_2")
    assert (again.attempts, again.pause, again.problem, again.finished_at) == (0, timedelta(), None, None)
    assert again.parts_done == 2, "it goes on where it came to"


@pytest.mark.parametrize("job", [QUEUED, RUNNING])
def test_what_has_not_ended_cannot_be_tried_again(job: Job) -> None:
    with pytest.raises(JobNotRetryable):
        job.tried_again(AUTHOR, "req_2", NOW)


def test_twenty_days_after_its_end_nothing_is_tried_again() -> None:
    failed = RUNNING.ended(JobState.FAILED, NOW)
    late = NOW + timedelta(days=20)
    assert failed.tried_again(AUTHOR, "req_2", late - timedelta(microseconds=1)).state is JobState.QUEUED
    with pytest.raises(JobNotRetryable):
        failed.tried_again(AUTHOR, "req_2", late)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_no_job_ends_in_a_state_that_is_none(state: JobState) -> None:
    with pytest.raises(AssertionError):
        RUNNING.ended(state, NOW)


def test_what_a_job_does_takes_what_it_would_take_by_itself() -> None:
    assert {kind: kind.permission for kind in JobKind} == {
        JobKind.IMPORT: Permission.TRANSACTIONS_POST,
        JobKind.REPORT: Permission.REPORTS_READ,
        JobKind.EXTENSION: Permission.JOBS_MANAGE,
    }

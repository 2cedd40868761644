"""A job: something long that is done in the background, and that somebody waits for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from domain.shared.access import Permission
from domain.shared.errors import DomainError, ErrorKind

# So often a job is begun without coming any further, before it is taken for one that never will.
ATTEMPTS_MAX: Final = 5
FIRST_PAUSE: Final = timedelta(seconds=2)
LAST_PAUSE: Final = timedelta(minutes=10)
_GROWTH: Final = 4

JOBS_KEPT: Final = timedelta(days=30)
# The idempotency keys by which an import goes on live for 30 days.
RETRYABLE: Final = timedelta(days=20)


class JobUnfinished(DomainError):
    """The job has not ended yet, so that it has no result. Its `state` and `progress` tell how far it is."""

    code = "job-unfinished"
    kind = ErrorKind.CONFLICT
    title = "The job has not ended"


class JobNotRetryable(DomainError):
    """Only a job that failed, died or was cancelled can be tried again, within 20 days: make a new one instead."""

    code = "job-not-retryable"
    kind = ErrorKind.CONFLICT
    title = "The job cannot be tried again"


class ResultTooLong(DomainError):
    """What the job has made is longer than is kept. Ask for less of it: a lower `depth`, or a shorter span."""

    code = "result-too-long"
    kind = ErrorKind.REFUSED
    title = "The result is too long"


class JobKind(Enum):
    """What jobs do."""

    IMPORT = "import"
    REPORT = "report"
    EXTENSION = "extension"

    @property
    def permission(self) -> Permission:
        """Return what its author must be allowed in the ledger, when it is made and whenever it runs."""
        return _PERMISSIONS[self]


_PERMISSIONS: Final = {
    JobKind.IMPORT: Permission.TRANSACTIONS_POST,
    JobKind.REPORT: Permission.REPORTS_READ,
    # What it may do beside that, its commands and readers ask for.
    JobKind.EXTENSION: Permission.JOBS_MANAGE,
}


class JobState(Enum):
    """How it stands with a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # a rule said no: trying again by itself would not help
    DEAD = "dead"  # tried again and again, in vain
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing more becomes of it by itself."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is, of how much, counted in what."""

    done: int
    total: int
    unit: str


@dataclass(frozen=True, slots=True)
class JobAuthor:
    """Who asked for a job, with which credential, by their outward ids, and what that could be used for then."""

    actor: str
    credential: str
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class JobRef:
    """A job, by its organisation and its outward id."""

    organisation_id: int
    id: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job of an organisation, in one of its ledgers. Times are UTC.

    Once it is queued, it is to be begun after `pause`, by the clock of where it is kept; `lease` is who runs it.
    `attempts` counts those since it last came further, and `parts_done` the parts of its result that are kept.
    `problem` says why it ended badly, or was interrupted; `retry_key` is the idempotency key by which it was last asked
    for again.
    """

    organisation_id: int
    id: str
    kind: JobKind
    ledger: str
    arguments: Mapping[str, Any]
    author: JobAuthor
    request_id: str
    progress: Progress
    created_at: datetime
    state: JobState = JobState.QUEUED
    parts_done: int = 0
    attempts: int = 0
    lease: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    problem: Mapping[str, Any] | None = None
    result_type: str | None = None
    kept_bytes: int = 0
    retry_key: str | None = None
    pause: timedelta = timedelta()

    @property
    def ref(self) -> JobRef:
        """Return which job it is."""
        return JobRef(self.organisation_id, self.id)

    def ended(self, state: JobState, now: datetime, *, problem: Mapping[str, Any] | None = None) -> "Job":
        """Return it as it is at its end."""
        assert state.is_end, "an end is an end"
        return replace(self, state=state, lease=None, finished_at=now, problem=problem)

    def done(self, result_type: str, now: datetime) -> "Job":
        """Return it done, with the media type of its result."""
        return replace(self.ended(JobState.DONE, now), result_type=result_type)

    def interrupted(self, now: datetime, problem: Mapping[str, Any]) -> "Job":
        """Return it as it is after an attempt in vain: to be tried again after a pause, or dead."""
        if self.is_worn_out:
            return self.ended(JobState.DEAD, now, problem=problem)
        return replace(self, state=JobState.QUEUED, pause=pause_after(self.attempts), lease=None, problem=problem)

    def given_back(self) -> "Job":
        """Return it as if it had not been begun this time: to be taken up at once by someone else."""
        return replace(self, state=JobState.QUEUED, pause=timedelta(), lease=None, attempts=max(0, self.attempts - 1))

    def tried_again(self, author: JobAuthor, request_id: str, now: datetime) -> "Job":
        """Return it queued anew, for whoever asks for that. Raises `JobNotRetryable`."""
        if not self.state.is_end or self.state is JobState.DONE:
            raise JobNotRetryable(f"The job {self.id} is {self.state.value}.")
        assert self.finished_at is not None, "what has ended did so at some time"
        if now >= self.finished_at + RETRYABLE:
            raise JobNotRetryable(f"The job {self.id} ended more than {RETRYABLE.days} days ago.")
        return replace(
            self,
            state=JobState.QUEUED,
            pause=timedelta(),
            attempts=0,
            author=author,
            request_id=request_id,
            finished_at=None,
            problem=None,
        )

    @property
    def is_worn_out(self) -> bool:
        """Whether it has been begun as often as it may be without coming any further: this attempt is the last one."""
        return self.attempts >= ATTEMPTS_MAX

    @property
    def was_worn_out(self) -> bool:
        """Whether its last attempt ended without a word, so that it has been begun once more often than it may be."""
        return self.attempts > ATTEMPTS_MAX


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts in vain: 2 s, 8 s, 32 s and so on, 10 minutes at most."""
    # Beyond these it is the longest one anyway.
    growth: int = _GROWTH ** min(max(0, attempts - 1), 10)
    return min(LAST_PAUSE, FIRST_PAUSE * growth)

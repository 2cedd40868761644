"""Ports of jobs: where they are kept, who may run them, and how workers are told of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from domain.jobs.job import Job, JobKind, JobRef, JobState
from domain.shared.access import Permission, Principal

PART_BYTES: Final = 512 * 1024
"""About how long the parts are that inputs and results are kept in."""


@dataclass(frozen=True, slots=True)
class JobPart:
    """A part of what a job is to work on: its bytes, and how many items there are in the parts before it."""

    number: int
    first: int
    content: bytes


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs of an organisation; what is empty does not restrict."""

    states: Collection[JobState] = ()
    kinds: Collection[JobKind] = ()
    ledger: str | None = None
    actor: str | None = None


class LeaseLost(Exception):
    """Someone else runs the job by now, or it was cancelled: what is done for it here does not count any more."""


class JobIntake(Protocol):
    """How jobs come in."""

    async def require_ledger(self, organisation_id: int, slug: str) -> None:
        """Return if the organisation has such a ledger. Raises `LedgerNotFound`, `StoreUnavailable`."""
        ...

    async def add(self, job: Job, parts: Iterable[JobPart], key: IdempotencyKey | None) -> Job:
        """Keep a new job with its parts, and return it; or the one that the key made before.

        Raises `LedgerNotFound`, `IdempotencyConflict`, `QuotaExceeded`, `StoreUnavailable`, `CommitInDoubt`.
        """
        ...


class Jobs(Protocol):
    """The jobs of organisations."""

    async def job(self, ref: JobRef) -> Job | None:
        """Return a job, if there is one. Raises `StoreUnavailable`."""
        ...

    async def page(self, organisation_id: int, page: PageRequest, wanted: JobFilter) -> Page[Job]:
        """Return a page of an organisation's jobs, by when they were made. Raises `StoreUnavailable`."""
        ...

    async def change(self, job: Job, *, was: Job) -> bool:
        """Keep the job as it is now, unless it is not what it was any more: someone else has changed it meanwhile.

        How far it is, only `JobParts` changes. Raises `StoreUnavailable`, `CommitInDoubt`, and `QuotaExceeded` for one
        that had ended and waits again, while many do.
        """
        ...

    async def remove(self, ref: JobRef) -> None:
        """Forget a job that has ended, with its result. Raises `StoreUnavailable`, `CommitInDoubt`."""
        ...


class JobParts(Protocol):
    """What jobs work on, and what they have made, part by part."""

    async def input(self, ref: JobRef, number: int) -> JobPart | None:
        """Return a part of what a job is to work on, if it has so many. Raises `StoreUnavailable`."""
        ...

    async def result(self, ref: JobRef, number: int) -> bytes | None:
        """Return a part of what a job has made, if there are so many. Raises `StoreUnavailable`."""
        ...

    async def advance(self, job: Job, number: int, content: bytes, done: int) -> Job:
        """Keep a part of the result in the place of those from its number on, and so many items as done.

        The part of the same number that was worked on is forgotten. Returns the job as it is now. Raises `LeaseLost`,
        `StoreUnavailable`, `CommitInDoubt`.
        """
        ...


class JobLeases(Protocol):
    """Which jobs are to be begun across all organisations, and who is at them: each is begun by one at a time.

    When a job is due and when a lease is over goes by one clock, the store's, whatever those of the servers say.
    """

    async def due(self, *, busy: Collection[int], limit: int) -> Sequence[JobRef]:
        """Return jobs that are due, one of an organisation and none of the busy ones.

        First come organisations of which none was begun yet, then those of which that was longest ago.
        Raises `StoreUnavailable`.
        """
        ...

    async def claim(self, ref: JobRef, lease: str, now: datetime, length: timedelta) -> Job | None:
        """Return the job, which is ours for so long and begun now (UTC); None where it is not due any more.

        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...

    async def renew(self, job: Job, length: timedelta) -> bool:
        """Keep the job for so long from now on; False where it is ours no more. Raises `StoreUnavailable`."""
        ...

    async def over(self, now: datetime, limit: int) -> Sequence[JobRef]:
        """Return jobs that have been kept for long enough, at most so many. Raises `StoreUnavailable`."""
        ...


class JobQueue(Protocol):
    """How workers learn of a job at once. They look for due ones by themselves as well, so nothing rests on it."""

    def announce(self, ref: JobRef) -> None:
        """Have a worker take up the job soon; without waiting, and without failing."""
        ...


class Authority(Protocol):
    """What whoever has asked for something may do at this moment."""

    async def principal(
        self, organisation_id: int, actor: str, credential: str, permissions: frozenset[Permission], *, since: datetime
    ) -> Principal:
        """Return who acts, with as much of these permissions as the credential is still good for.

        A session that has expired since then (UTC) counts; one that was ended does not. Raises `NotAuthenticated`,
        `StoreUnavailable`.
        """
        ...

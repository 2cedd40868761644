"""Jobs, for those who ask for them: making, seeing, cancelling and trying again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from application.jobs.ports import JobFilter, JobIntake, JobPart, JobParts, JobQueue, Jobs
from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids
from domain.jobs.job import Job, JobAuthor, JobKind, JobRef, JobState, JobUnfinished, Progress
from domain.shared.access import Permission, Principal
from domain.shared.errors import NotFound, PermissionDenied

Asking = Callable[[], Awaitable[Principal]]
"""Who asks for something that goes on for long, as things are now. It may raise `NotAuthenticated`."""


@dataclass(frozen=True, slots=True)
class JobKeeping:
    """The jobs of organisations.

    Whoever has `jobs:read` sees its own, and those of others in the ledgers in which it has that on all accounts.
    `jobs:manage` is to cancel and to try again, likewise.
    """

    intake: JobIntake
    jobs: Jobs
    parts: JobParts
    queue: JobQueue
    clock: Clock
    ids: Ids

    async def require_admitted(self, principal: Principal, kind: JobKind, ledger: str) -> None:
        """Return if the principal may have such a job done in the ledger: before what it works on is read.

        Raises `PermissionDenied`, `QuotaExceeded`, `LedgerNotFound`.
        """
        principal.reach_of_writing(kind.permission, ledger)
        await self.intake.require_ledger(principal.organisation_id, ledger)

    async def submit(
        self,
        principal: Principal,
        kind: JobKind,
        ledger: str,
        arguments: Mapping[str, Any],
        progress: Progress,
        *,
        request_id: str,
        parts: Iterable[JobPart] = (),
        key: IdempotencyKey | None = None,
    ) -> tuple[Job, bool]:
        """Have a job done in the ledger; return it, and whether the key had asked for it before.

        Raises `PermissionDenied`, `QuotaExceeded`, `LedgerNotFound`, `IdempotencyConflict`.
        """
        principal.reach_of_writing(kind.permission, ledger)
        now, id = self.clock.now(), self.ids.new("job")
        author = _author(principal)
        job = Job(principal.organisation_id, id, kind, ledger, arguments, author, request_id, progress, now)
        kept = await self.intake.add(job, parts, key)
        self.queue.announce(kept.ref)
        return kept, kept.id != id

    async def get(self, principal: Principal, id: str) -> Job:
        """Return a job. Raises `PermissionDenied`, `NotFound`."""
        return await self._found(principal, id, Permission.JOBS_READ)

    async def list(self, principal: Principal, page: PageRequest, wanted: JobFilter) -> Page[Job]:
        """Return a page of the jobs that the principal sees. Raises `PermissionDenied`."""
        _require(principal, Permission.JOBS_READ)
        try:
            principal.require(Permission.JOBS_READ, ledger=wanted.ledger)
        except PermissionDenied:
            wanted = replace(wanted, actor=principal.actor)
        return await self.jobs.page(principal.organisation_id, page, wanted)

    async def result(self, principal: Principal, id: str, asking: Asking) -> tuple[Job, AsyncIterator[bytes]]:
        """Return a job that has ended, and what it has made, part by part, each for who is `asking` by then.

        That takes the permission that the job itself takes, too. Raises `PermissionDenied`, `NotFound`,
        `JobUnfinished`; and what `asking` does, in the midst of the parts.
        """
        job = await self._found(principal, id, Permission.JOBS_READ)
        _require_result(principal, job)
        if not job.state.is_end:
            raise JobUnfinished(f"The job {id} is {job.state.value}.")
        if not job.parts_done:
            raise NotFound(f"The job {id} has no result.")
        return job, self._result(job, asking)

    async def cancel(self, principal: Principal, id: str) -> None:
        """Have nothing more done for a job; one that has ended is forgotten, with its result.

        What it has done already, stays done. Raises `PermissionDenied`, `NotFound`.
        """
        while True:
            job = await self._found(principal, id, Permission.JOBS_MANAGE)
            if job.state.is_end:
                await self.jobs.remove(job.ref)
                return
            if await self.jobs.change(job.ended(JobState.CANCELLED, self.clock.now()), was=job):
                return

    async def retry(
        self, principal: Principal, id: str, *, request_id: str, key: IdempotencyKey | None = None
    ) -> tuple[Job, bool]:
        """Have a job that ended badly tried again, in the name of whoever asks; it goes on where it came to.

        Whoever asks may read its result afterwards, and so must be allowed to before.
        Return it, and whether nothing was to be done for that: it waits or runs, or the key was the last to ask.
        Raises `PermissionDenied`, `NotFound`, `JobNotRetryable`, `QuotaExceeded`.
        """
        while True:
            job = await self._found(principal, id, Permission.JOBS_MANAGE)
            if not job.state.is_end or (key is not None and job.retry_key == key.key):
                return job, True
            principal.reach_of_writing(job.kind.permission, job.ledger)
            _require_result(principal, job)
            now, asked_by = self.clock.now(), None if key is None else key.key
            again = replace(job.tried_again(_author(principal), request_id, now), retry_key=asked_by)
            if await self.jobs.change(again, was=job):
                self.queue.announce(again.ref)
                return again, False

    async def _found(self, principal: Principal, id: str, permission: Permission) -> Job:
        _require(principal, permission)
        job = await self.jobs.job(JobRef(principal.organisation_id, id))
        if job is None:
            raise NotFound(f"There is no job {id!a}.")
        _require_seen(principal, job, permission)
        return job

    async def _result(self, job: Job, asking: Asking) -> AsyncIterator[bytes]:
        for number in range(job.parts_done):
            principal = await asking()
            _require(principal, Permission.JOBS_READ)
            _require_seen(principal, job, Permission.JOBS_READ)
            _require_result(principal, job)
            part = await self.parts.result(job.ref, number)
            if part is None:
                return
            yield part


def _require(principal: Principal, permission: Permission) -> None:
    """Return if the permission is held anywhere. Raises `PermissionDenied`."""
    if not any(permission in grant.permissions for grant in principal.grants):
        principal.require(permission)


def _require_seen(principal: Principal, job: Job, permission: Permission) -> None:
    """Return if the permission is held for this job. Raises `PermissionDenied`."""
    if job.author.actor != principal.actor:
        principal.require(permission, ledger=job.ledger)


def _require_result(principal: Principal, job: Job) -> None:
    """Return if the principal may know what the job makes. Raises `PermissionDenied`."""
    reach = principal.reach(job.kind.permission, job.ledger)
    if job.author.actor != principal.actor or job.kind is JobKind.REPORT:
        reach.require(())


def _author(principal: Principal) -> JobAuthor:
    held = frozenset[Permission]().union(*[grant.permissions for grant in principal.grants])
    return JobAuthor(principal.actor, principal.credential or principal.actor, held)

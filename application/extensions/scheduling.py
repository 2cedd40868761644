"""Jobs of extensions: scheduled for each open ledger, once in each of their periods, and done as jobs are."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from application.extensions.ports import Organisations
from application.jobs.desk import Desk
from application.jobs.duties import Duty
from application.jobs.keeping import JobKeeping
from application.ledger.readers import LedgerReads
from application.shared.extension_watch import ExtensionWatch
from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import PageRequest
from application.shared.ports import Clock, CommitInDoubt, Ids, StoreUnavailable, Work
from domain.jobs.job import JobKind, Progress
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import Origin, format_time
from domain.shared.errors import DomainError, NotFound

SLOW_SECONDS: Final = 60.0
PAGE: Final = 500
_OFTEN: Final = timedelta(hours=1)
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)

_log = logging.getLogger("partita.extensions")


def actor_of(extension: str) -> str:
    """Return as whom an extension acts where nobody has asked for it."""
    return f"system:x:{extension}"


def principal_of(extension: str, organisation_id: int, permissions: frozenset[Permission]) -> Principal:
    """Return an extension as one who may do this in all ledgers of an organisation."""
    actor = actor_of(extension)
    return Principal(organisation_id, actor, (Grant(permissions),), credential=actor, origin=Origin(actor))


@dataclass(frozen=True, slots=True)
class BoundJob:
    """A job of an extension: what it does in a ledger, in whose name it may do what, how often, and for how long."""

    extension: str
    name: str
    watch: ExtensionWatch
    permissions: frozenset[Permission]
    period: timedelta
    time_max: timedelta
    do: Callable[[Principal, str, datetime], Awaitable[None]]


class ExtensionJobs:
    """Does the jobs of extensions, as one kind of job."""

    def __init__(self, jobs: Sequence[BoundJob]) -> None:
        self._jobs: Mapping[tuple[str, str], BoundJob] = {(job.extension, job.name): job for job in jobs}

    async def run(self, desk: Desk) -> str:
        """Do it in the job's ledger. Raises as `JobWork` says, and `NotFound` where there is no such job any more."""
        asked = desk.job.arguments
        job = self._jobs.get((asked["extension"], asked["job"]))
        if job is None:
            raise NotFound(f"There is no job {asked['job']} of an extension {asked['extension']} on this server.")
        principal = await desk.principal()
        await job.watch.awaited(
            f"its job {job.name}",
            job.do(principal, desk.job.ledger, datetime.fromisoformat(asked["period"])),
            slow_seconds=SLOW_SECONDS,
            seconds_max=job.time_max.total_seconds(),
            fine=(DomainError, StoreUnavailable, CommitInDoubt),
        )
        await desk.advance(0, b"{}", done=1)
        return "application/json"


@dataclass(frozen=True, slots=True)
class Scheduling:
    """Has the jobs of extensions done when they are due."""

    organisations: Organisations
    ledgers: Work[LedgerReads, object]
    keeping: JobKeeping
    clock: Clock
    ids: Ids

    def duties(self, jobs: Sequence[BoundJob]) -> list[Duty]:
        """Return what has to be done for them, now and then: once an hour at least, as it does nothing twice.

        So what was interrupted, and what was left out for a while, is done within the same period, if that is longer.
        """
        return [
            Duty(f"x:{job.extension}:{job.name}", min(job.period, _OFTEN), partial(self.schedule, job)) for job in jobs
        ]

    async def schedule(self, job: BoundJob) -> None:
        """Make a job of each open ledger, unless there is one for this period already. Raises `StoreUnavailable`."""
        now = self.clock.now()
        period = format_time(now - (now - _BEGINNING) % job.period)
        after = 0
        while page := await self.organisations.numbers(after=after, limit=PAGE):
            for organisation_id in page:
                await self._of_organisation(job, organisation_id, period)
            after = page[-1]

    async def _of_organisation(self, job: BoundJob, organisation_id: int, period: str) -> None:
        permissions = job.permissions | {JobKind.EXTENSION.permission, Permission.LEDGERS_READ}
        principal = principal_of(job.extension, organisation_id, permissions)
        request = PageRequest("slug", PAGE)
        while True:
            async with self.ledgers.read(principal, Permission.LEDGERS_READ) as reads:
                page = await reads.ledgers.ledgers(request, status=("open",))
            for ledger in page.items:
                try:
                    await self._submit(job, principal, ledger.slug, period)
                except DomainError as refusal:
                    # The organisation has too many jobs already, say. The others are to have theirs.
                    _log.warning(
                        "the job %s of the extension %s is left out for the ledger %s of organisation %d: %s",
                        *(job.name, job.extension, ledger.slug, organisation_id, refusal.detail),
                    )
            if page.next_after is None:
                return
            request = replace(request, after=page.next_after)

    async def _submit(self, job: BoundJob, principal: Principal, slug: str, period: str) -> None:
        name = f"x:{job.extension}:{job.name}:{slug}:{period}"
        arguments = {"extension": job.extension, "job": job.name, "period": period}
        await self.keeping.submit(
            principal,
            JobKind.EXTENSION,
            slug,
            arguments,
            Progress(0, 1, "runs"),
            request_id=self.ids.new("req"),
            key=IdempotencyKey(name, hashlib.sha256(name.encode()).digest()),
        )

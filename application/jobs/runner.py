"""Running jobs: whoever is free takes up what is due, and keeps it for as long as it shows that it is alive."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from application.jobs.desk import Desk, JobWork, Tell
from application.jobs.ports import Authority, JobLeases, JobParts, Jobs, LeaseLost
from application.shared.ongoing import Ongoing
from application.shared.ports import Clock, CommitInDoubt, Ids, StoreUnavailable
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from application.shared.telling import Telling
from domain.jobs.job import Job, JobKind, JobRef, JobState
from domain.shared.errors import DomainError, Overloaded, Unavailable

LOOK_SECONDS: Final = 1.0
# A worker that was killed is missed after this; one that is alive shows it three times as often.
LEASE_SECONDS: Final = 6.0
JOBS_AT_A_TIME: Final = 2
REMOVED_AT_ONCE: Final = 500

_WORN_OUT: Final = {
    "code": "job-worn-out",
    "title": "The job was interrupted too often",
    "detail": "It was begun again and again, and each time whoever ran it ended before it came any further.",
}
_FAULT: Final = {
    "code": "internal-error",
    "title": "Our mistake",
    "detail": "The server failed; its log says why, under the id of this job.",
}
_AWAY: Final = {
    "code": "unavailable",
    "title": "Not available right now",
    "detail": "The database could not be reached.",
}

_log = logging.getLogger("partita.jobs")


class JobRunner(Ongoing):
    """Runs jobs that are due, from `start` to `stop`: a few at a time, and one at a time for an organisation.

    It looks for them about once a second, and is told of new ones sooner. Any number of processes may do so. Where two
    run the same job, as after a pause of the whole machine, only what the one with the lease has made is kept, and
    either comes to the same.
    """

    def __init__(
        self,
        jobs: Jobs,
        parts: JobParts,
        leases: JobLeases,
        authority: Authority,
        work: Mapping[JobKind, JobWork],
        tell: Tell,
        clock: Clock,
        ids: Ids,
        *,
        look_seconds: float = LOOK_SECONDS,
        lease_seconds: float = LEASE_SECONDS,
        telemetry: Telemetry = UNWATCHED,
    ) -> None:
        self._jobs = jobs
        self._parts = parts
        self._leases = leases
        self._authority = authority
        self._work = work
        self._tell_refusal = tell
        self._clock = clock
        self._ids = ids
        self._look_seconds = look_seconds
        self._lease = timedelta(seconds=lease_seconds)
        self._telemetry = telemetry
        # Jobs that run here, by their organisations.
        self._running: dict[int, asyncio.Task[None]] = {}
        self._telling = Telling(_log, "jobs are done later", "jobs could not be run")

    async def stop(self) -> None:
        """End it; what is under way is given back, to be taken up elsewhere at once."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await super().stop()
        if running:
            await asyncio.wait(running, timeout=self.stop_seconds)

    def take_up(self, ref: JobRef) -> None:
        """Run a job, if it is due and there is room for it here, without waiting for that."""
        self._begin(ref)

    async def run_due(self) -> int:
        """Run what is due now, as much of it as there is room for, to its end; return how many jobs that were."""
        tasks = [task for ref in await self._due() if (task := self._begin(ref)) is not None]
        if tasks:
            await asyncio.wait(tasks)
        return len(tasks)

    async def _go_on(self) -> None:
        while True:
            try:
                for ref in await self._due():
                    self._begin(ref)
            except Exception as error:
                self._telling.tell(error)
            await asyncio.sleep(self._look_seconds)

    async def _due(self) -> list[JobRef]:
        room = JOBS_AT_A_TIME - len(self._running)
        if room <= 0:
            return []
        return list(await self._leases.due(busy=tuple(self._running), limit=room))

    def _begin(self, ref: JobRef) -> "asyncio.Task[None] | None":
        if ref.organisation_id in self._running or len(self._running) >= JOBS_AT_A_TIME:
            return None
        task = asyncio.create_task(self._run(ref), name=f"job {ref.id}")
        self._running[ref.organisation_id] = task
        task.add_done_callback(lambda _: self._running.pop(ref.organisation_id))
        return task

    async def _run(self, ref: JobRef) -> None:
        try:
            job = await self._leases.claim(ref, self._ids.new("lease"), self._clock.now(), self._lease)
            if job is not None:
                await self._watched(job)
        except Exception as error:
            self._telling.tell(error)

    async def _watched(self, job: Job) -> None:
        of: dict[str, Any] = {"organisation": job.organisation_id, "ledger": job.ledger, "job": job.id}
        kind = job.kind.value
        with self._telemetry.span(Kind.JOB, f"job {kind}", request=job.request_id, kind=kind, **of):
            await self._attempt(Desk(job, self._parts, self._authority))

    async def _attempt(self, desk: Desk) -> None:
        """Work on the job for as long as it is ours, and keep how that ended."""
        working = asyncio.create_task(self._ended(desk))
        keeping = asyncio.create_task(self._keep(desk))
        try:
            await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                ended = working.result()
                if ended is not None:
                    self._telemetry.tell(state=ended.state.value)
                    await self._jobs.change(ended, was=desk.job)
        except asyncio.CancelledError:
            working.cancel()
            await asyncio.wait((working,))
            self._telemetry.tell(state="given-back")
            await self._jobs.change(desk.job.given_back(), was=desk.job)
            raise
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.wait((working, keeping))

    async def _ended(self, desk: Desk) -> Job | None:
        """Work on the job, and return it as that has left it; None where it is someone else's by now."""
        job = desk.job
        if job.was_worn_out:
            return job.ended(JobState.DEAD, self._clock.now(), problem=_WORN_OUT)
        problem: Mapping[str, Any]
        try:
            await desk.principal()
            result_type = await self._work[job.kind].run(desk)
        except LeaseLost:
            return None
        except (Unavailable, Overloaded) as error:
            problem = self._tell_refusal(error)
        except DomainError as refusal:
            return desk.job.ended(JobState.FAILED, self._clock.now(), problem=self._tell_refusal(refusal))
        except (StoreUnavailable, CommitInDoubt):
            problem = _AWAY
        except Exception:
            _log.exception("the job %s failed", job.id)
            problem = _FAULT
        else:
            return desk.job.done(result_type, self._clock.now())
        return desk.job.interrupted(self._clock.now(), problem)

    async def _keep(self, desk: Desk) -> None:
        """Show that the job is worked on, until it is ours no more."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                if not await self._leases.renew(desk.job, self._lease):
                    return
            except Exception as error:
                self._telling.tell(error)

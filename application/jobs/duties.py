"""Duties: what has to be done now and then, by one of all servers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from application.jobs.ports import JobLeases, Jobs
from application.shared.batches import in_batches
from application.shared.ongoing import Ongoing
from application.shared.ports import Clock, CommitInDoubt, StoreUnavailable

LOOK_SECONDS: Final = 60.0
REMOVED_AT_ONCE: Final = 2_000

_log = logging.getLogger("partita.duties")


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to be done once in a period. What it was interrupted in, it does the next time."""

    name: str
    period: timedelta
    do: Callable[[], Awaitable[object]]


class Roster(Protocol):
    """Who of all servers does a duty."""

    async def take(self, name: str, now: datetime, next_at: datetime) -> bool:
        """Return whether the duty is due, and ours; it is due again at `next_at` (UTC).

        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...


class Duties(Ongoing):
    """Does what is due, from `start` to `stop`. Any number of processes may do so: one of them does each thing."""

    def __init__(
        self, roster: Roster, duties: Sequence[Duty], clock: Clock, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._roster = roster
        self._duties = duties
        self._clock = clock
        self._look_seconds = look_seconds

    async def do_due(self) -> list[str]:
        """Do what is due and nobody else has begun; return the names of that."""
        done = []
        for duty in self._duties:
            try:
                now = self._clock.now()
                if await self._roster.take(duty.name, now, now + duty.period):
                    done.append(duty.name)
                    await duty.do()
            except (StoreUnavailable, CommitInDoubt) as error:
                _log.warning("%s is done later: %s", duty.name, error)
            except Exception:
                _log.exception("%s could not be done", duty.name)
        return done

    async def _go_on(self) -> None:
        while True:
            await self.do_due()
            await asyncio.sleep(self._look_seconds)


async def remove_old_jobs(jobs: Jobs, leases: JobLeases, clock: Clock) -> int:
    """Forget the jobs that ended 30 days ago, with what they made; return how many those were."""

    async def remove(limit: int) -> int:
        found = await leases.over(clock.now(), limit)
        for ref in found:
            await jobs.remove(ref)
        return len(found)

    return await in_batches(remove, REMOVED_AT_ONCE)

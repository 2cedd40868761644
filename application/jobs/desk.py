"""What a running job is given: what it works on, in whose name, and where its result goes."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from application.jobs.ports import Authority, JobPart, JobParts
from domain.jobs.job import Job
from domain.shared.access import Principal
from domain.shared.errors import DomainError

Tell = Callable[[DomainError], Mapping[str, Any]]
"""Makes a problem of a refusal, to be kept and shown."""


class Desk:
    """The place of one attempt at a job, and the job as it is now."""

    def __init__(self, job: Job, parts: JobParts, authority: Authority) -> None:
        self.job = job
        self._parts = parts
        self._authority = authority

    async def principal(self) -> Principal:
        """Return the job's author, as things are now, who may do what the job does.

        To be asked for again before each part of it. Raises `NotAuthenticated`, `PermissionDenied`, `QuotaExceeded`,
        `StoreUnavailable`.
        """
        job, author = self.job, self.job.author
        principal = await self._authority.principal(
            job.organisation_id, author.actor, author.credential, author.permissions, since=job.created_at
        )
        principal.reach_of_writing(job.kind.permission, job.ledger)
        return principal

    async def input(self, number: int) -> JobPart | None:
        """Return a part of what is to be worked on, if there is one. Raises `StoreUnavailable`."""
        return await self._parts.input(self.job.ref, number)

    async def advance(self, number: int, content: bytes, *, done: int) -> None:
        """Keep a part of the result in the place of those from its number on, and so many items as done.

        Raises `LeaseLost`, `StoreUnavailable`, `CommitInDoubt`.
        """
        self.job = await self._parts.advance(self.job, number, content, done)


class JobWork(Protocol):
    """What the jobs of one kind do."""

    async def run(self, desk: Desk) -> str:
        """Do what is still to be done, and return the media type of the result.

        It may be done twice, also at the same time by someone else, and then comes to the same. Whatever a
        `DomainError` says is why the job has failed, but for `Unavailable` and `Overloaded`, after which it is tried
        again.
        """
        ...

"""What dispatchers do their work with: which events are to go where, across all organisations.

The log of each ledger is the outbox. A dispatcher looks at what is new in it, decides what goes to whom, and takes what
is due, on a lease: another one gets it when that is over, if this one has not said what came of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.ledger.readers import StoredEvent
from application.webhooks.ports import Answer
from domain.webhooks.endpoint import Endpoint

Key = tuple[str, str]
"""An endpoint's id, and a ledger's slug."""


@dataclass(frozen=True, slots=True)
class DueEvent:
    """An event that is due, after so many failed attempts."""

    stored: StoredEvent
    attempts: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """Events of one ledger that are due to one endpoint, in order, and are nobody else's to send for a while.

    `claim` is what the lease is known by.
    """

    organisation_id: int
    endpoint: Endpoint
    ledger: str
    ledger_id: int
    claim: UUID
    events: Sequence[DueEvent]

    @property
    def key(self) -> Key:
        """Return for whom and of what it is."""
        return self.endpoint.id, self.ledger


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt; it is tried again at `retry_at` (UTC), or never."""

    sequence: int
    answer: Answer
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What results came to: whether nothing got through to the endpoint since a delivery that was given up began."""

    is_dead: bool


class Outbox(Protocol):
    """All that dispatchers ask and say, each in a transaction of its own; each raises `StoreUnavailable`."""

    async def organisations(self, due_by: datetime | None) -> Sequence[int]:
        """Return the organisations that have something to send by that time (UTC), or all that have webhooks."""
        ...

    async def gather(self, organisation_id: int, ledgers: Collection[str] | None, now: datetime) -> bool:
        """Look at what is new in these ledgers of an organisation, or in all, and decide what is to be sent.

        Return whether there is more yet.
        """
        ...

    async def claim(
        self, organisation_id: int, now: datetime, *, without: Collection[Key], limit: int
    ) -> Sequence[Parcel]:
        """Take up to so many parcels of what is due, on a lease, but for what is on its way already."""
        ...

    async def keep(self, parcel: Parcel, results: Sequence[Result], now: datetime, *, is_last: bool) -> Kept:
        """Keep what came of attempts, if the lease is not over; with the last, give back what was not tried."""
        ...

    async def rest(self, organisation_id: int) -> None:
        """Have the organisation looked at again when the next thing is due."""
        ...

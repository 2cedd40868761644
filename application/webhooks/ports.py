"""Ports of webhooks: what is kept of them, inside one unit of work, and what it takes to make and to call them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from application.shared.pagination import Page, PageRequest
from application.shared.ports import OrganisationLog
from domain.webhooks.delivery import Delivery, DeliveryState
from domain.webhooks.endpoint import Endpoint, Wanted


class Endpoints(Protocol):
    """The endpoints of an organisation; those that were deleted are not there any more."""

    async def page(self, page: PageRequest) -> Page[Endpoint]:
        """Return a page of them by `id`, which is when they were made."""
        ...

    async def get(self, id: str) -> Endpoint | None:
        """Return one, or None."""
        ...


class Deliveries(Protocol):
    """What was sent to endpoints, and what is still to be sent."""

    async def page(self, endpoint: str, page: PageRequest, states: Sequence[DeliveryState]) -> Page[Delivery]:
        """Return a page of an endpoint's by `id`, which is when they were decided on: those of these states, or all."""
        ...


class WebhookReads(Protocol):
    """What can be read of an organisation's webhooks."""

    @property
    def endpoints(self) -> Endpoints:
        """Return the endpoints."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Return the deliveries."""
        ...


class EndpointChanges(Endpoints, Protocol):
    """The endpoints of an organisation, where they are changed."""

    async def count(self) -> int:
        """Return how many there are."""
        ...

    async def held(self, id: str) -> Endpoint | None:
        """Return one, which nobody else changes until this unit of work ends; or None."""
        ...

    async def put(self, endpoint: Endpoint) -> None:
        """Keep an endpoint, new or changed; of a deleted one, no secret."""
        ...


Place = tuple[int, int]
"""Where a delivery stands among those of an endpoint: the number of its ledger, and its sequence."""
FIRST: Final[Place] = (0, 0)


class Cursors(Protocol):
    """How far the ledgers of an organisation were looked at for its endpoints, where that is changed."""

    async def begin(self, endpoint: Endpoint, before: Wanted | None) -> None:
        """Have it get the events from now on of the ledgers that it is about and was not before, if it was there.

        Of what it was about and is not any more it gets what waits for it already.
        """
        ...

    async def rewind(self, endpoint: Endpoint, ledger: str, after: int) -> bool:
        """Have it get the events of a ledger after a sequence, again if need be. False where there is no such ledger.

        What was still to be sent of them is decided on anew.
        """
        ...

    async def hasten(self, endpoint: Endpoint, now: datetime, *, after: Place) -> Place | None:
        """Have the next part of what is still to be sent tried at once, as if for the first time.

        Return the last place of that part, or None where nothing was left.
        """
        ...

    async def call(self, now: datetime) -> None:
        """Have dispatchers look at the organisation soon."""
        ...


class WebhookChanges(WebhookReads, Protocol):
    """One transaction that changes an organisation's webhooks."""

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log."""
        ...

    @property
    def endpoints(self) -> EndpointChanges:
        """Return the endpoints."""
        ...

    @property
    def cursors(self) -> Cursors:
        """Return how far their ledgers were looked at."""
        ...


class Unsealable(Exception):
    """What was sealed cannot be opened: with another key, or changed since."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """What is sent: a body of CloudEvents, and its id and its signatures as headers by Standard Webhooks."""

    url: str
    id: str
    timestamp_seconds: int
    signature: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: the status, if there was an answer, and what went wrong, if anything did.

    `asked_pause` is what the receiver wants to be left alone for.
    """

    status: int | None = None
    error: str | None = None
    asked_pause: timedelta | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return self.error is None

    @property
    def is_gone(self) -> bool:
        """Whether the receiver says that it is gone for good."""
        return self.status == 410


class Post(Protocol):
    """How messages get to receivers."""

    async def send(self, message: SignedMessage) -> Answer:
        """Send it, once, and return what came of it, within 15 seconds. Never raises."""
        ...

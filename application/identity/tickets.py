"""Tickets: each stands for a credential once, for half a minute."""

from datetime import datetime
from typing import Protocol

from application.identity.ports import Secrets
from application.shared.ports import Clock, Sealing
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.identity.ticket import TICKET, TICKETS_LIVE, TICKETS_MAX
from domain.shared.access import Principal
from domain.shared.errors import NotAuthenticated, Overloaded


class TicketStore(Protocol):
    """Where tickets are kept until they are used, for all servers."""

    async def add(self, organisation_id: int, digest: bytes, sealed: bytes, expires_at: datetime) -> None:
        """Keep one until that time (UTC). Raises `StoreUnavailable`, `CommitInDoubt`."""
        ...

    async def remove_expired(self, organisation_id: int, now: datetime) -> int:
        """Remove those whose time is over; return how many others there are. Raises as `add` does."""
        ...

    async def take(self, organisation_id: int, digest: bytes, now: datetime) -> bytes | None:
        """Remove one and return what was sealed in it, if it was there and its time is not over. Raises as `add` does.

        Of several who take the same one, one gets it.
        """
        ...


class Tickets:
    """Gives tickets out, and takes them in."""

    def __init__(self, store: TicketStore, sealing: Sealing, clock: Clock, secrets: Secrets) -> None:
        self._store = store
        self._sealing = sealing
        self._clock = clock
        self._secrets = secrets

    async def issue(self, principal: Principal, credential: str) -> tuple[str, datetime]:
        """Return a ticket for the credential that the principal shows, and until when it can be used (UTC).

        Raises `Overloaded` where the organisation has 10,000 that wait to be used; `StoreUnavailable`.
        """
        organisation_id, now = principal.organisation_id, self._clock.now()
        if await self._store.remove_expired(organisation_id, now) >= TICKETS_MAX:
            raise Overloaded(f"{TICKETS_MAX:,} tickets of the organisation wait to be used.")
        text = TICKET.build(organisation_id, self._secrets.random_bytes(RANDOM_BYTES))
        found_by, expires_at = digest(text), now + TICKETS_LIVE
        await self._store.add(organisation_id, found_by, self._sealing.seal(credential.encode(), found_by), expires_at)
        return text, expires_at

    async def redeem(self, text: str) -> str:
        """Return the credential that the ticket stands for, this once. Raises `NotAuthenticated`, `StoreUnavailable`.

        Whether the credential is still good is another question.
        """
        found_by = digest(text)
        sealed = await self._store.take(TICKET.organisation_of(text), found_by, self._clock.now())
        credential = None if sealed is None else self._sealing.open(sealed, found_by)
        if credential is None:
            raise NotAuthenticated("The ticket was used already, or its 30 seconds are over: ask for another one.")
        return credential.decode()

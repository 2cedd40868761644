"""Expiry: letting holds expire by themselves, also where nobody writes to their ledgers."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from application.ledger.expire_holds import ExpireHolds
from application.ledger.journal import EXPIRY_ACTOR, Journal
from application.ledger.ports import LedgerAddress
from application.shared.ongoing import Ongoing
from application.shared.ports import Clock, Ids
from application.shared.telling import Telling
from domain.shared.access import Grant, Permission, Principal
from domain.shared.errors import DomainError, Overloaded, Unavailable

PERIOD_SECONDS: Final = 1.0
ROWS_MAX: Final = 1_000
LEDGERS_AT_A_TIME: Final = 4

_GRANTS: Final = (Grant(frozenset((Permission.HOLDS_RESOLVE,))),)

_log = logging.getLogger("partita.expiry")


@dataclass(frozen=True, slots=True)
class Due:
    """That something of a ledger, which its number names, is due since a time (UTC)."""

    due_at: datetime
    organisation_id: int
    ledger_id: int

    @property
    def of(self) -> tuple[int, int]:
        """Return of which organisation and ledger it is."""
        return self.organisation_id, self.ledger_id


class Agenda(Protocol):
    """What is due across all organisations: it tells who has something to do and when, and nothing of what that is."""

    async def due_expiries(self, now: datetime, *, after: Due | None, limit: int) -> Sequence[Due]:
        """Return whose holds may be due by that time (UTC), the longest due first; those after the one given.

        Raises `StoreUnavailable`.
        """
        ...

    async def address(self, due: Due) -> LedgerAddress | None:
        """Return the ledger, as its organisation knows it, if there is one. Raises `StoreUnavailable`."""
        ...

    async def strike(self, due: Due, until: datetime) -> None:
        """Forget the expiries of the ledger that were due by that time (UTC).

        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...


class Expiry(Ongoing):
    """Lets due holds expire about once a second, from `start` to `stop`.

    Any number of processes may do so at once: the journal expires a hold once, whoever asks, and before the commands of
    any group. So what is on the agenda only says where to knock, and striking it out late, twice or not at all does no
    harm.
    """

    def __init__(
        self, agenda: Agenda, journal: Journal, clock: Clock, ids: Ids, *, period_seconds: float = PERIOD_SECONDS
    ) -> None:
        self._agenda = agenda
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._period_seconds = period_seconds
        self._telling = Telling(_log, "holds that are due expire later", "holds that are due could not expire")

    async def sweep(self) -> None:
        """Let the holds expire that are due now, in every ledger. One that cannot be written to keeps no other waiting.

        Raises `StoreUnavailable`.
        """
        now = self._clock.now()
        seen: set[tuple[int, int]] = set()
        after: Due | None = None
        places = asyncio.Semaphore(LEDGERS_AT_A_TIME)

        async def expire(due: Due) -> None:
            async with places:
                await self._expire(due, now)

        while True:
            found = await self._agenda.due_expiries(now, after=after, limit=ROWS_MAX)
            of_ledgers = {due.of: due for due in found if due.of not in seen}
            seen.update(of_ledgers)
            async with asyncio.TaskGroup() as group:
                for due in of_ledgers.values():
                    group.create_task(expire(due))
            if len(found) < ROWS_MAX:
                return
            after = found[-1]

    async def _expire(self, due: Due, now: datetime) -> None:
        try:
            address = await self._agenda.address(due)
            if address is not None:
                await self._knock(address)
            await self._agenda.strike(due, now)
        except Exception as error:
            self._telling.tell(error)

    async def _knock(self, address: LedgerAddress) -> None:
        """Have the ledger write a group. Raises `Unavailable`, `Overloaded`."""
        who = Principal(address.organisation_id, EXPIRY_ACTOR, _GRANTS)
        try:
            await self._journal.submit(who, address.slug, ExpireHolds(), request_id=self._ids.new("req"))
        except (Unavailable, Overloaded):
            raise
        except DomainError:
            # The ledger is archived, or gone: none of its holds is open.
            return

    async def _go_on(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception as error:
                self._telling.tell(error)
            await asyncio.sleep(self._period_seconds)

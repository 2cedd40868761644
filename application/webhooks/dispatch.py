"""The dispatcher of webhooks: it learns of new events, decides what goes where, and sends what is due.

Any number of processes may run one, and nothing is known to a process alone: what it was about when it was killed,
another one sends.
"""

import asyncio
import logging
from collections.abc import Collection
from time import monotonic
from typing import Final

from application.ledger.ports import LedgerAddress
from application.ledger.relay import WakeUps, is_to_look
from application.shared.ongoing import Ongoing
from application.shared.ports import Clock
from application.shared.telling import Telling
from application.webhooks.at_work import AtWork
from application.webhooks.outbox import Outbox, Parcel
from application.webhooks.sending import Sending

LOOK_SECONDS: Final = 1.0
PARCELS_MAX: Final = 256
PARCELS_OF_ORGANISATION_MAX: Final = 32
# So many are left to organisations that have none on their way yet, for one each.
PARCELS_KEPT: Final = 64
ASKED_AT_ONCE_MAX: Final = 4
STOP_SECONDS: Final = 3.0

_log = logging.getLogger("partita.webhooks")


class WebhookDispatch(Ongoing):
    """Sends events to webhooks, from `start` to `stop`, or once with `run_due`."""

    def __init__(
        self,
        outbox: Outbox,
        sending: Sending,
        clock: Clock,
        wake_ups: WakeUps,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._sending = sending
        self._clock = clock
        self._wake_ups = wake_ups
        self._look_seconds = look_seconds
        self._known: frozenset[int] = frozenset()
        self._at_work: dict[int, tuple[AtWork, asyncio.Task[None]]] = {}
        self._room = PARCELS_MAX
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE_MAX)
        self._telling = Telling(_log, "webhooks are sent later", "webhooks could not be sent")
        self._attempts = 0
        self._is_ending = False
        wake_ups.listen(self.hear)

    def start(self) -> None:
        """Begin, on the running loop."""
        self._is_ending = False
        self._sending.go_on()
        super().start()

    async def stop(self) -> None:
        """End it: requests that are open have a few seconds to be answered; others begin no more."""
        self._is_ending = True
        self._sending.stop()
        for at_work, _ in self._at_work.values():
            at_work.call(())
        await super().stop()
        serving = [task for _, task in self._at_work.values()]
        if serving:
            _, late = await asyncio.wait(serving, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)

    async def run_due(self) -> int:
        """Look at everything once, send until nothing is due, and return how many attempts were made.

        Raises `StoreUnavailable`.
        """
        before = self._attempts
        self._is_ending = False
        self._sending.go_on()
        await self._look_everywhere()
        while self._at_work:
            await asyncio.wait([serving for _, serving in self._at_work.values()])
        return self._attempts - before

    def hear(self, ledger: LedgerAddress, sequence: int) -> None:
        """Hear from any process that a ledger has new events."""
        if self._going is not None and ledger.organisation_id in self._known:
            self._call(ledger.organisation_id, {ledger.slug})

    async def _go_on(self) -> None:
        looked_at = 0.0
        while True:
            try:
                if is_to_look(self._wake_ups, looked_at):
                    looked_at = monotonic()
                    await self._look_everywhere()
                else:
                    for organisation_id in await self._outbox.organisations(self._clock.now()):
                        self._known |= {organisation_id}
                        self._call(organisation_id, None)
            except Exception as error:
                self._telling.tell(error)
            await asyncio.sleep(self._look_seconds)

    async def _look_everywhere(self) -> None:
        self._known = frozenset(await self._outbox.organisations(None))
        for organisation_id in self._known:
            self._call(organisation_id, None)

    def _call(self, organisation_id: int, ledgers: Collection[str] | None) -> None:
        """Have the organisation looked at: what is new in these ledgers, or in all, and what is due."""
        if organisation_id not in self._at_work:
            at_work = AtWork()
            serving = asyncio.create_task(self._serve(organisation_id, at_work), name="webhooks")
            self._at_work[organisation_id] = at_work, serving
        self._at_work[organisation_id][0].call(ledgers)

    async def _serve(self, organisation_id: int, at_work: AtWork) -> None:
        try:
            while not self._is_ending:
                if at_work.is_called or at_work.parcels:
                    await at_work.called()
                    await self._take(organisation_id, at_work)
                    continue
                async with self._asking:
                    await self._outbox.rest(organisation_id)
                if not at_work.is_called:
                    break
        except Exception as error:
            self._telling.tell(error)
        finally:
            # What is heard meanwhile is found by looking.
            await at_work.finish()
            del self._at_work[organisation_id]

    async def _take(self, organisation_id: int, at_work: AtWork) -> None:
        """Decide on new events, and begin to send what is due, as far as there is room."""
        ledgers = at_work.take_call()
        async with self._asking:
            now = self._clock.now()
            has_more = ledgers != set() and await self._outbox.gather(organisation_id, ledgers, now)
            room = max(self._room - PARCELS_KEPT, 0 if at_work.parcels else min(self._room, 1))
            limit = min(room, PARCELS_OF_ORGANISATION_MAX - at_work.parcels)
            self._room -= limit
            try:
                busy = at_work.busy()
                parcels = await self._outbox.claim(organisation_id, now, without=busy, limit=limit) if limit else ()
            finally:
                self._room += limit
        self._room -= len(parcels)
        for parcel in parcels:
            at_work.begin(parcel, self._send(parcel))
        if has_more:
            at_work.call(ledgers)
        elif parcels:
            at_work.call(())

    async def _send(self, parcel: Parcel) -> None:
        try:
            attempts = await self._sending.send(parcel)
            self._attempts += attempts
        finally:
            self._room += 1

"""Sending parcels: one event after the other where that is asked for, many at a time elsewhere."""

import asyncio
import json
import logging
import random
from collections.abc import Callable, Iterator
from typing import Final

from application.shared.ports import Clock, CommitInDoubt, StoreUnavailable
from application.shared.telemetry import UNWATCHED, Kind, Telemetry
from application.webhooks.cloud_event import message_of
from application.webhooks.open_requests import OpenRequests
from application.webhooks.outbox import DueEvent, Outbox, Parcel, Result
from application.webhooks.pausing import WebhookPausing
from application.webhooks.ports import Answer, Post, Unsealable
from application.webhooks.sealed_secrets import SealedSecrets
from domain.webhooks.endpoint import PauseReason
from domain.webhooks.retries import ATTEMPTS_MAX, pause

# A lease is over after so many seconds. No request is begun after the others, so that none is open by then.
LEASE_SECONDS: Final = 60.0
SENDING_SECONDS: Final = 35.0
# What came of attempts is kept so often: what is not kept when a process is killed, is sent again.
KEEP_SECONDS: Final = 0.25

_log = logging.getLogger("partita.webhooks")


class Sending:
    """Sends parcels, and says what came of it."""

    def __init__(
        self,
        outbox: Outbox,
        post: Post,
        secrets: SealedSecrets,
        pausing: WebhookPausing,
        clock: Clock,
        *,
        sending_seconds: float = SENDING_SECONDS,
        chance: Callable[[], float] = random.random,
        telemetry: Telemetry = UNWATCHED,
    ) -> None:
        """`chance` draws from 0 to 1, for how long to wait before an event is sent again."""
        self._outbox = outbox
        self._post = post
        self._secrets = secrets
        self._pausing = pausing
        self._clock = clock
        self._sending_seconds = sending_seconds
        self._chance = chance
        self._telemetry = telemetry
        self._open = OpenRequests()
        self._is_stopping = False

    def stop(self) -> None:
        """Begin no more requests."""
        self._is_stopping = True

    def go_on(self) -> None:
        """Begin requests again."""
        self._is_stopping = False

    async def send(self, parcel: Parcel) -> int:
        """Send what is in a parcel, and return how many attempts were made. Where the store is away, it is tried again.

        Never raises: what is not kept of it is sent again once the lease is over.
        """
        under_way = _UnderWay(asyncio.get_running_loop().time() + self._sending_seconds)
        sending = asyncio.create_task(self._send_all(parcel, under_way), name="webhook parcel")
        try:
            is_last = False
            while not is_last:
                done, _ = await asyncio.wait((sending,), timeout=KEEP_SECONDS)
                is_last = bool(done)
                await self._keep(parcel, under_way, is_last=is_last)
            sending.result()
        except (StoreUnavailable, CommitInDoubt) as error:
            _log.warning("what came of webhooks is not kept, and they are sent again: %s", error)
        except Exception:
            _log.exception("a parcel of webhooks was not sent")
        finally:
            sending.cancel()
        return under_way.attempts

    async def _send_all(self, parcel: Parcel, under_way: "_UnderWay") -> None:
        try:
            opened = self._secrets.opened(
                parcel.organisation_id, parcel.endpoint.id, parcel.endpoint.sealed, self._clock.now()
            )
        except Unsealable as error:
            for event in parcel.events:
                under_way.results.append(self._result(event, Answer(error=str(error))))
            return
        if parcel.endpoint.wanted.ordered:
            for event in parcel.events:
                if not await self._send_one(parcel, event, opened, under_way):
                    return
        else:
            async with asyncio.TaskGroup() as group:
                for event in parcel.events:
                    group.create_task(self._send_one(parcel, event, opened, under_way))

    async def _send_one(
        self, parcel: Parcel, event: DueEvent, secrets: tuple[bytes, ...], under_way: "_UnderWay"
    ) -> bool:
        """Return whether the receiver has taken it; where time is up, do not try."""
        async with self._open.one_more(parcel):
            if self._is_stopping or under_way.is_over():
                return False
            with self._telemetry.span(
                Kind.DELIVERY,
                "webhook",
                causes=_request_of(event),
                organisation=parcel.organisation_id,
                ledger=parcel.ledger,
                sequence=event.stored.sequence,
                webhook=parcel.endpoint.id,
            ):
                answer = await self._answer(parcel, event, secrets)
                outcome = "delivered" if answer.is_delivered else "failed"
                self._telemetry.tell(outcome=outcome, status=answer.status or 0)
        under_way.results.append(self._result(event, answer))
        under_way.attempts += 1
        under_way.is_gone |= answer.is_gone
        return answer.is_delivered

    async def _answer(self, parcel: Parcel, event: DueEvent, secrets: tuple[bytes, ...]) -> Answer:
        """Send an event; a mistake of ours counts as an attempt, too, and keeps no other event from being sent."""
        try:
            message = message_of(event.stored, parcel.ledger, parcel.endpoint.wanted.url, secrets, self._clock.now())
            return await self._post.send(message)
        except Exception:
            _log.exception("an event was not sent to the webhook %s", parcel.endpoint.id)
            return Answer(error="The server failed; its log says why.")

    def _result(self, event: DueEvent, answer: Answer) -> Result:
        attempts = event.attempts + 1
        if answer.is_delivered or attempts >= ATTEMPTS_MAX:
            return Result(event.stored.sequence, answer, None)
        return Result(
            event.stored.sequence, answer, self._clock.now() + pause(attempts, self._chance(), answer.asked_pause)
        )

    async def _keep(self, parcel: Parcel, under_way: "_UnderWay", *, is_last: bool) -> None:
        results, under_way.results = under_way.results, []
        if not results and not is_last:
            return
        kept = await self._outbox.keep(parcel, results, self._clock.now(), is_last=is_last)
        if under_way.is_gone:
            await self._pausing.pause(parcel.organisation_id, parcel.endpoint, PauseReason.GONE)
        elif kept.is_dead:
            await self._pausing.pause(parcel.organisation_id, parcel.endpoint, PauseReason.FAILING)


class _UnderWay:
    """What came of a parcel so far, and is not kept yet."""

    def __init__(self, ends_at: float) -> None:
        self._ends_at = ends_at
        self.results: list[Result] = []
        self.attempts = 0
        self.is_gone = False

    def is_over(self) -> bool:
        """Whether no more requests may be begun: the endpoint is gone, or the lease soon over."""
        return self.is_gone or asyncio.get_running_loop().time() >= self._ends_at


def _request_of(event: DueEvent) -> Iterator[str]:
    """Yield the id of the request that the event comes of: looked for only where somebody asks."""
    yield json.loads(event.stored.content)["request_id"]

"""Endpoints of webhooks at work: what was sent to them, and pausing, resuming, replaying and trying them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import answered_before, record_event
from application.webhooks.cloud_event import ping_message
from application.webhooks.keeping import found, held
from application.webhooks.ports import FIRST, Answer, Place, Post, Unsealable, WebhookChanges, WebhookReads
from application.webhooks.sealed_secrets import SealedSecrets
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import Author
from domain.shared.errors import NamedNotFound, Overloaded
from domain.webhooks.delivery import Delivery, DeliveryState
from domain.webhooks.endpoint import Endpoint, Pause, PauseReason
from domain.webhooks.events import WebhookReplayed, WebhookResumed, WebhookWasPaused

PINGS_MAX: Final = 64
PINGS_OF_ORGANISATION_MAX: Final = 4
ACTOR: Final = "system:webhooks"
_BY_ITSELF: Final = (Grant(frozenset({Permission.WEBHOOKS_MANAGE})),)


@dataclass(frozen=True, slots=True)
class Ping:
    """What came of trying an endpoint out with the event of this id."""

    id: str
    answer: Answer


class WebhookOperation:
    """What becomes of endpoints once there are some."""

    def __init__(
        self,
        work: Work[WebhookReads, WebhookChanges],
        clock: Clock,
        ids: Ids,
        secrets: SealedSecrets,
        post: Post,
    ) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._post = post
        # How many are sent at this moment, by organisations.
        self._pings: Counter[int] = Counter()

    async def deliveries(
        self, principal: Principal, id: str, page: PageRequest, states: Sequence[DeliveryState]
    ) -> Page[Delivery]:
        """Return a page of what was and is to be sent to an endpoint. Raises `PermissionDenied`, `NotFound`."""
        async with self._work.read(principal, Permission.WEBHOOKS_READ) as reads:
            found(await reads.endpoints.get(id), id)
            return await reads.deliveries.page(id, page, states)

    async def pause(
        self, principal: Principal, id: str, *, request_id: str, key: IdempotencyKey | None = None
    ) -> Endpoint:
        """Have nothing sent to an endpoint until it is resumed, and return it.

        Raises `PermissionDenied`, `NotFound`, `IdempotencyConflict`.
        """
        endpoint, _ = await self._paused(principal, id, PauseReason.ASKED, principal.author(request_id), key)
        return endpoint

    async def pause_by_itself(self, organisation_id: int, id: str, reason: PauseReason) -> bool:
        """Pause an endpoint that does not take what it gets; return whether it was not paused already.

        Raises `NotFound`.
        """
        by_itself = Principal(organisation_id, ACTOR, _BY_ITSELF)
        _, is_new = await self._paused(by_itself, id, reason, Author(ACTOR, self._ids.new("req")))
        return is_new

    async def resume(
        self, principal: Principal, id: str, *, request_id: str, key: IdempotencyKey | None = None
    ) -> Endpoint:
        """Have events sent to an endpoint again, from where it was, and return it; what waits is tried at once.

        Raises `PermissionDenied`, `NotFound`, `IdempotencyConflict`.
        """
        now = self._clock.now()
        await self._hasten(principal, id, now)
        async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE) as changes:
            await changes.log.hold()
            before = await held(changes, id, None)
            if before.pause is None or await answered_before(changes.log, key, now) is not None:
                return before
            principal.require_grantable([before.wanted.grant])
            after = replace(before, pause=None, failing_since=None, version=before.version + 1)
            await changes.endpoints.put(after)
            await changes.cursors.call(now)
            await record_event(changes.log, self._ids, WebhookResumed(id), principal.author(request_id), now, key)
        return after

    async def replay(
        self,
        principal: Principal,
        id: str,
        ledger: str,
        after: int,
        *,
        request_id: str,
        key: IdempotencyKey | None = None,
    ) -> Endpoint:
        """Have an endpoint get the events of a ledger after a sequence, whether it had them before or not; return it.

        They are those that it gets as it is set now, also from before it was made. Raises `PermissionDenied`,
        `NotFound`, `NamedNotFound` for a ledger that is not there or that it is not about, `IdempotencyConflict`.
        """
        now = self._clock.now()
        async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE) as changes:
            await changes.log.hold()
            endpoint = await held(changes, id, None)
            if await answered_before(changes.log, key, now) is not None:
                return endpoint
            principal.require_grantable([endpoint.wanted.grant])
            is_there = endpoint.wanted.is_of_ledger(ledger) and await changes.cursors.rewind(endpoint, ledger, after)
            if not is_there:
                raise NamedNotFound(f"There is no ledger {ledger!a} that the webhook is about.", pointer="/ledger")
            await changes.cursors.call(now)
            event = WebhookReplayed(id, ledger, after)
            await record_event(changes.log, self._ids, event, principal.author(request_id), now, key)
        return endpoint

    async def ping(self, principal: Principal, id: str) -> Ping:
        """Send an event that tells of nothing to an endpoint, once, and return what came of it.

        It is sent to a paused endpoint, too. Raises `PermissionDenied`, `NotFound`, and `Overloaded` while many are
        being tried.
        """
        async with self._work.read(principal, Permission.WEBHOOKS_MANAGE) as reads:
            endpoint = found(await reads.endpoints.get(id), id)
        organisation_id, event = principal.organisation_id, self._ids.new("evt")
        if self._pings[organisation_id] >= PINGS_OF_ORGANISATION_MAX or self._pings.total() >= PINGS_MAX:
            raise Overloaded("Many webhooks are being tried out at this moment: try again soon.")
        self._pings[organisation_id] += 1
        try:
            return Ping(event, await self._sent(organisation_id, endpoint, event, self._clock.now()))
        finally:
            self._pings -= Counter((organisation_id,))

    async def _sent(self, organisation_id: int, endpoint: Endpoint, event: str, now: datetime) -> Answer:
        try:
            secrets = self._secrets.opened(organisation_id, endpoint.id, endpoint.sealed, now)
        except Unsealable as error:
            return Answer(error=str(error))
        return await self._post.send(ping_message(event, endpoint.id, endpoint.wanted.url, secrets, now))

    async def _hasten(self, principal: Principal, id: str, now: datetime) -> None:
        """Have all that waits for a paused endpoint tried once it is resumed, as if for the first time.

        As nothing is sent until then, that can be done in parts, without the log being held. Whoever is killed in the
        middle of it leaves the endpoint paused.
        """
        place: Place | None = FIRST
        while place is not None:
            async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE) as changes:
                endpoint = await held(changes, id, None)
                if endpoint.pause is None:
                    return
                principal.require_grantable([endpoint.wanted.grant])
                place = await changes.cursors.hasten(endpoint, now, after=place)

    async def _paused(
        self, principal: Principal, id: str, reason: PauseReason, author: Author, key: IdempotencyKey | None = None
    ) -> tuple[Endpoint, bool]:
        now = self._clock.now()
        async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE, takes_away=True) as changes:
            await changes.log.hold()
            before = await held(changes, id, None)
            if before.pause is not None or await answered_before(changes.log, key, now) is not None:
                return before, False
            after = replace(before, pause=Pause(now, reason), version=before.version + 1)
            await changes.endpoints.put(after)
            await record_event(changes.log, self._ids, WebhookWasPaused(id, reason), author, now, key)
        return after, True

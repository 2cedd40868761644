"""Endpoints of webhooks: making, listing, changing and deleting them, and their secrets."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from application.shared.expected_version import require_version
from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import answered_before, record_event
from application.webhooks.ports import WebhookChanges, WebhookReads
from application.webhooks.sealed_secrets import SealedSecrets
from domain.ledger.events import EVENT_TYPES
from domain.shared.access import Permission, Principal
from domain.shared.errors import NotFound, QuotaExceeded
from domain.webhooks.addresses import Network
from domain.webhooks.endpoint import ENDPOINTS_MAX, OVERLAP_DEFAULT, Endpoint, Wanted, checked_overlap, checked_wanted
from domain.webhooks.events import WebhookChanged, WebhookCreated, WebhookDeleted, WebhookSecretRotated


class WebhookKeeping:
    """Which endpoints an organisation has.

    Whoever has events sent somewhere must be able to see all of them: an endpoint of some ledgers takes `events:read`
    in all of these, without a limit to accounts. It is the organisation's from then on, as an API key is.
    """

    def __init__(
        self,
        work: Work[WebhookReads, WebhookChanges],
        clock: Clock,
        ids: Ids,
        secrets: SealedSecrets,
        *,
        takes_http: bool = False,
        networks: Sequence[Network] = (),
    ) -> None:
        """`takes_http` and `networks` say which URLs may be called besides those of https in the public internet."""
        self._work = work
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._takes_http = takes_http
        self._networks = networks

    async def create(
        self, principal: Principal, wanted: Wanted, *, request_id: str, key: IdempotencyKey | None = None
    ) -> tuple[Endpoint, str | None]:
        """Make an endpoint, which gets events from now on; return it, and its secret, which is shown this once.

        Where `key` has done so before, return that endpoint as it is now, and no secret. Raises `PermissionDenied`,
        `QuotaExceeded`, `ValidationFailed`, `IdempotencyConflict`.
        """
        now = self._clock.now()
        wanted = self._checked(wanted)
        async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE) as changes:
            principal.require_grantable([wanted.grant])
            await changes.log.hold()
            before = await answered_before(changes.log, key, now)
            if before is not None:
                return found(await changes.endpoints.get(before["id"]), before["id"]), None
            _require_another(await changes.endpoints.count())
            id = self._ids.new("whk")
            sealed, text = self._secrets.new(principal.organisation_id, id)
            endpoint = Endpoint(id, wanted, sealed, now)
            await changes.endpoints.put(endpoint)
            await changes.cursors.begin(endpoint, None)
            await changes.cursors.call(now)
            event = WebhookCreated(id, wanted)
            await record_event(changes.log, self._ids, event, principal.author(request_id), now, key)
        return endpoint, text

    async def list(self, principal: Principal, page: PageRequest) -> Page[Endpoint]:
        """Return a page of the organisation's endpoints. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.WEBHOOKS_READ) as reads:
            return await reads.endpoints.page(page)

    async def get(self, principal: Principal, id: str) -> Endpoint:
        """Return one endpoint. Raises `PermissionDenied`, `NotFound`."""
        async with self._work.read(principal, Permission.WEBHOOKS_READ) as reads:
            return found(await reads.endpoints.get(id), id)

    async def change(
        self,
        principal: Principal,
        id: str,
        changed: Callable[[Wanted], Wanted],
        *,
        version: int | None,
        request_id: str,
    ) -> Endpoint:
        """Change what an endpoint gets, and where; `version` is the one that is expected, None for any.

        Of ledgers that it was not about before, it gets the events from now on. What waits for it already is sent, to
        its URL as it is then. Raises `PermissionDenied`, `NotFound`, `VersionConflict`, `ValidationFailed`.
        """
        now = self._clock.now()
        async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE) as changes:
            await changes.log.hold()
            before = await held(changes, id, version)
            wanted = self._checked(changed(before.wanted))
            if wanted == before.wanted:
                return before
            # What waits for it was chosen by its filters as they were.
            principal.require_grantable([before.wanted.grant, wanted.grant])
            after = replace(before, wanted=wanted, version=before.version + 1)
            await changes.endpoints.put(after)
            await changes.cursors.begin(after, before.wanted)
            await changes.cursors.call(now)
            event = WebhookChanged(id, before.wanted, wanted)
            await record_event(changes.log, self._ids, event, principal.author(request_id), now)
        return after

    async def rotate_secret(
        self,
        principal: Principal,
        id: str,
        *,
        request_id: str,
        overlap: timedelta = OVERLAP_DEFAULT,
        key: IdempotencyKey | None = None,
    ) -> tuple[Endpoint, str | None]:
        """Give an endpoint another secret, and return both. For a while, what is sent is signed with the old one, too.

        One before that is used no more. Where `key` has done so before, return the endpoint without the secret. Raises
        `PermissionDenied`, `NotFound`, `ValidationFailed`, `IdempotencyConflict`.
        """
        now = self._clock.now()
        until = now + checked_overlap(overlap)
        async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE) as changes:
            await changes.log.hold()
            before = await held(changes, id, None)
            if await answered_before(changes.log, key, now) is not None:
                return before, None
            # Who has the secret can tell receivers of anything.
            principal.require_grantable([before.wanted.grant])
            sealed, text = self._secrets.new(principal.organisation_id, id, before.sealed, until)
            after = replace(before, sealed=sealed, version=before.version + 1)
            await changes.endpoints.put(after)
            event = WebhookSecretRotated(id, until)
            await record_event(changes.log, self._ids, event, principal.author(request_id), now, key)
        return after, text

    async def delete(self, principal: Principal, id: str, *, version: int | None, request_id: str) -> None:
        """Delete an endpoint, and its secrets; what waits for it is not sent. Raises as `change` does."""
        now = self._clock.now()
        async with self._work.begin(principal, Permission.WEBHOOKS_MANAGE, takes_away=True) as changes:
            await changes.log.hold()
            before = await held(changes, id, version)
            await changes.endpoints.put(replace(before, deleted_at=now, version=before.version + 1))
            await record_event(changes.log, self._ids, WebhookDeleted(id), principal.author(request_id), now)

    def _checked(self, wanted: Wanted) -> Wanted:
        return checked_wanted(wanted, takes_http=self._takes_http, networks=self._networks, types=EVENT_TYPES)


def found(endpoint: Endpoint | None, id: str) -> Endpoint:
    """Return the endpoint if there is one, else raise `NotFound`."""
    if endpoint is None:
        raise NotFound(f"There is no webhook {id!r}.")
    return endpoint


async def held(changes: WebhookChanges, id: str, version: int | None) -> Endpoint:
    """Return the endpoint, which nobody else changes meanwhile. Raises `NotFound`, `VersionConflict`."""
    endpoint = found(await changes.endpoints.held(id), id)
    require_version(f"The webhook {id}", endpoint.version, version)
    return endpoint


def _require_another(count: int) -> None:
    if count >= ENDPOINTS_MAX:
        raise QuotaExceeded(
            f"An organisation has at most {ENDPOINTS_MAX} webhooks: delete one that is not needed.",
            facts={"quota": "webhooks", "used": str(count), "limit": str(ENDPOINTS_MAX)},
        )

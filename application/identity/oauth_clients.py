"""OAuth clients of organisations, and what they were granted: registering, changing, listing, revoking."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from application.identity.oauth_ports import OAuthChanges, OAuthReads
from application.identity.ports import Revocations, Secrets
from application.shared.expected_version import require_version
from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import answered_before, record_event
from domain.identity.oauth import CLIENT_SECRET, OAuthClient, OAuthGrant, checked_client
from domain.identity.oauth_events import (
    OAuthClientChanged,
    OAuthClientCreated,
    OAuthClientRevoked,
    OAuthClientSecretRotated,
    OAuthGrantRevoked,
)
from domain.identity.role import SCOPES
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.shared.access import Permission, Principal, lowers
from domain.shared.errors import NotFound, QuotaExceeded, ValidationFailed

CLIENTS_MAX: Final = 1_000


class OAuthClients:
    """The OAuth clients of organisations, and their grants."""

    def __init__(
        self,
        work: Work[OAuthReads, OAuthChanges],
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        revocations: Revocations,
    ) -> None:
        self._work = work
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._revocations = revocations

    async def create(
        self,
        principal: Principal,
        asked: OAuthClient,
        *,
        confidential: bool,
        request_id: str,
        key: IdempotencyKey | None = None,
    ) -> tuple[OAuthClient, str | None, bool]:
        """Register a client as it is asked for, but for its id and times; return it, and its secret if it has one.

        The secret is shown this once. Where `key` has done so before, return that client without its secret, and True.
        Raises `PermissionDenied`, also where the client would be allowed more than the principal is; `QuotaExceeded`
        beyond 1,000 clients that work, `ValidationFailed`, `IdempotencyConflict`.
        """
        now = self._clock.now()
        text = self._new_secret(principal) if confidential else None
        made = replace(
            asked, id=self._ids.new("cli"), created_at=now, secret_digest=None if text is None else digest(text)
        )
        made = checked_client(made)
        async with self._work.begin(principal, Permission.OAUTH_CLIENTS_CHANGE) as changes:
            await changes.log.hold()
            before = await answered_before(changes.log, key, now)
            if before is not None:
                known = await changes.clients.get(before["id"])
                assert known is not None
                return known, None, True
            principal.require_grantable((made.grant,))
            _require_another(await changes.clients.working())
            await changes.clients.add(made)
            event = OAuthClientCreated(made.id, confidential, made.data())
            await record_event(changes.log, self._ids, event, principal.author(request_id), now, key)
        return made, text, False

    async def list(self, principal: Principal, page: PageRequest) -> Page[OAuthClient]:
        """Return a page of the organisation's clients, the revoked ones too. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.OAUTH_CLIENTS_READ) as reads:
            return await reads.clients.page(page)

    async def get(self, principal: Principal, id: str) -> OAuthClient:
        """Return a client. Raises `PermissionDenied`, `NotFound`."""
        async with self._work.read(principal, Permission.OAUTH_CLIENTS_READ) as reads:
            client = await reads.clients.get(id)
        if client is None:
            raise NotFound(f"There is no OAuth client {id!r}.")
        return client

    async def change(
        self,
        principal: Principal,
        id: str,
        changed: Callable[[OAuthClient], OAuthClient],
        *,
        version: int | None,
        request_id: str,
    ) -> OAuthClient:
        """Set a client otherwise, as `changed` says; return it. Grants that it is too narrow for now end.

        Raises `PermissionDenied`, also where the principal does not have all that the client is allowed, before or
        after; `ValidationFailed`, `NotFound`, and `VersionConflict` unless it is at `version`.
        """
        now = self._clock.now()
        ended: Sequence[str] = ()
        async with self._work.begin(principal, Permission.OAUTH_CLIENTS_CHANGE, takes_away=True) as changes:
            before = await _held(changes, id, version)
            after = checked_client(changed(before))
            if after == before:
                return before
            # Who takes it from those who hold more could have it in hand when it is given back.
            principal.require_grantable((before.grant, after.grant))
            if not lowers((before.grant,), (after.grant,)):
                principal.require_writable(Permission.OAUTH_CLIENTS_CHANGE)
            after = replace(after, version=before.version + 1)
            await changes.log.hold()
            await changes.clients.put(after)
            within = [name for name, permissions in SCOPES.items() if permissions <= after.permissions]
            ended = await changes.grants.revoke_all(id, unless_within=within, now=now)
            event = OAuthClientChanged(id, before.data(), after.data())
            await record_event(changes.log, self._ids, event, principal.author(request_id), now)
        await self._revocations.announce(id, *ended)
        return after

    async def rotate_secret(
        self, principal: Principal, id: str, *, request_id: str, key: IdempotencyKey | None = None
    ) -> tuple[OAuthClient, str | None]:
        """Give a confidential client another secret, and return both; the one before is of no use from now on.

        Where `key` has done so before, return the client without the secret. Raises `PermissionDenied`, `NotFound`,
        `IdempotencyConflict`, and `ValidationFailed` for a public client.
        """
        now = self._clock.now()
        text = self._new_secret(principal)
        async with self._work.begin(principal, Permission.OAUTH_CLIENTS_CHANGE) as changes:
            before = await _held(changes, id, None)
            if await answered_before(changes.log, key, now) is not None:
                return before, None
            if not before.is_confidential:
                raise ValidationFailed(f"The OAuth client {id} is public: it has no secret to rotate.")
            # Who has the secret can do what the client can.
            principal.require_grantable((before.grant,))
            after = replace(before, secret_digest=digest(text), version=before.version + 1)
            await changes.clients.put(after)
            await record_event(
                changes.log, self._ids, OAuthClientSecretRotated(id), principal.author(request_id), now, key
            )
        return after, text

    async def revoke(self, principal: Principal, id: str, *, version: int | None, request_id: str) -> None:
        """Make a client and all its tokens useless for good, everywhere within five seconds. Raises as `change`."""
        now = self._clock.now()
        async with self._work.begin(principal, Permission.OAUTH_CLIENTS_CHANGE, takes_away=True) as changes:
            before = await _held(changes, id, version)
            await changes.log.hold()
            await changes.clients.put(replace(before, revoked_at=now, version=before.version + 1))
            grants = await changes.grants.revoke_all(id, unless_within=(), now=now)
            await record_event(changes.log, self._ids, OAuthClientRevoked(id), principal.author(request_id), now)
        await self._revocations.announce(id, *grants)

    async def grants(self, principal: Principal, page: PageRequest) -> Page[tuple[OAuthGrant, OAuthClient]]:
        """Return a page of the organisation's grants that hold. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.OAUTH_CLIENTS_READ) as reads:
            return await reads.grants.page(page)

    async def revoke_grant(self, principal: Principal, id: str, *, request_id: str) -> None:
        """End a grant and all its tokens, everywhere within five seconds. Raises `PermissionDenied`, `NotFound`."""
        now = self._clock.now()
        async with self._work.begin(principal, Permission.OAUTH_CLIENTS_CHANGE, takes_away=True) as changes:
            await changes.log.hold()
            client = await changes.grants.revoke(id, now)
            if client is None:
                raise NotFound(f"There is no OAuth grant {id!r} that still holds.")
            await record_event(
                changes.log, self._ids, OAuthGrantRevoked(id, client, "asked"), principal.author(request_id), now
            )
        await self._revocations.announce(id)

    def _new_secret(self, principal: Principal) -> str:
        return CLIENT_SECRET.build(principal.organisation_id, self._secrets.random_bytes(RANDOM_BYTES))


def _require_another(count: int) -> None:
    if count >= CLIENTS_MAX:
        raise QuotaExceeded(
            f"An organisation has at most {CLIENTS_MAX:,} OAuth clients that work: revoke one that is not needed.",
            facts={"quota": "oauth_clients", "used": str(count), "limit": str(CLIENTS_MAX)},
        )


async def _held(changes: OAuthChanges, id: str, version: int | None) -> OAuthClient:
    client = await changes.clients.held(id)
    if client is None or client.revoked_at is not None:
        raise NotFound(f"There is no OAuth client {id!r} that still works.")
    require_version(f"The OAuth client {id}", client.version, version)
    return client

"""API keys: making, listing, rotating and revoking them."""

from dataclasses import replace
from datetime import datetime, timedelta

from application.identity.ports import IdentityChanges, IdentityReads, Revocations, Secrets
from application.shared.idempotency import IdempotencyKey
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import answered_before, record_event
from domain.identity.api_key import (
    API_KEY,
    OVERLAP_DEFAULT,
    ApiKey,
    KeyRights,
    checked_key_name,
    checked_overlap,
    checked_rights,
    successors_rights,
)
from domain.identity.key_events import ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.shared.access import Permission, Principal
from domain.shared.chain import parse_time
from domain.shared.errors import NotFound


class ApiKeys:
    """The API keys of organisations."""

    def __init__(
        self,
        work: Work[IdentityReads, IdentityChanges],
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
        name: str,
        rights: KeyRights | None = None,
        *,
        request_id: str,
        key: IdempotencyKey | None = None,
    ) -> tuple[ApiKey, str | None]:
        """Make an API key for the principal's organisation; return it, and its text, which is shown this once.

        Without `rights` it is an operator's. Where `key` has done so before, return that API key as it was made, and no
        text. Raises `PermissionDenied`, also where the principal does not have the rights itself, or is a key that does
        not last as long or has other networks; `QuotaExceeded`, `ValidationFailed`, `IdempotencyConflict`.
        """
        now = self._clock.now()
        author = principal.author(request_id)
        checked_key_name(name)
        rights = checked_rights(rights or KeyRights(), now)
        async with self._work.begin(principal, Permission.API_KEYS_CREATE) as changes:
            principal.require_grantable([rights.grant])
            await changes.log.hold()
            before = await self._made_before(changes, key, now)
            if before is not None:
                return before, None
            maker = await _maker(changes, principal)
            if maker is not None:
                maker.require_bounds(rights)
            await changes.require_another_key(now)
            made, text = self._new(principal, name, rights, now)
            await changes.add_api_key(made, digest(text))
            await record_event(changes.log, self._ids, ApiKeyCreated(made.id, name, rights), author, now, key)
        return made, text

    async def list(self, principal: Principal, page: PageRequest) -> Page[ApiKey]:
        """Return a page of the organisation's keys, those that work no more, too. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.API_KEYS_READ) as reads:
            return await reads.api_keys(page)

    async def get(self, principal: Principal, id: str) -> ApiKey:
        """Return one key. Raises `PermissionDenied`, `NotFound`."""
        async with self._work.read(principal, Permission.API_KEYS_READ) as reads:
            return _found(await reads.api_key(id), id)

    async def rotate(
        self,
        principal: Principal,
        id: str,
        *,
        request_id: str,
        overlap: timedelta = OVERLAP_DEFAULT,
        expires_at: datetime | None = None,
        key: IdempotencyKey | None = None,
    ) -> tuple[ApiKey, str | None]:
        """Make a key with the rights of another, which ends after the overlap; return as `create` does.

        Without `expires_at` it lives as long as the other was made to live, but no longer than the key that asks. What
        the other itself replaced may work on as well, and counts for the quota then. Raises what `create` does,
        `NotFound`, and `KeyReplaced`.
        """
        now = self._clock.now()
        author = principal.author(request_id)
        ends_at = now + checked_overlap(overlap)
        async with self._work.begin(principal, Permission.API_KEYS_CREATE) as changes:
            await changes.log.hold()
            before = await self._made_before(changes, key, now)
            if before is not None:
                return before, None
            old = _found(await changes.api_key(id), id)
            old.require_rotatable(now)
            maker = await _maker(changes, principal)
            no_later_than = None if maker is None else maker.expires_at
            rights = checked_rights(successors_rights(old, now, expires_at, no_later_than), now)
            principal.require_grantable([rights.grant])
            if maker is not None:
                maker.require_bounds(old.rights)  # what ends is taken from it
                maker.require_bounds(rights)
            if await changes.has_working_predecessor(old.id, now):
                await changes.require_another_key(now)
            made, text = self._new(principal, old.name, rights, now)
            await changes.add_api_key(made, digest(text))
            if old.expires_at is not None:
                ends_at = min(ends_at, old.expires_at)
            await changes.change_api_key(replace(old, expires_at=ends_at, replaced_by=made.id))
            await record_event(changes.log, self._ids, ApiKeyCreated(made.id, made.name, rights), author, now, key)
            rotated = ApiKeyRotated(old.id, made.id, old.expires_at, ends_at)
            await record_event(changes.log, self._ids, rotated, author, now)
        await self._revocations.announce(id)
        return made, text

    async def revoke(self, principal: Principal, id: str, *, request_id: str) -> None:
        """Make a key useless for good; servers that do not hear of it may take it for five seconds more.

        Raises `PermissionDenied`; `NotFound` for a key that is unknown or revoked already.
        """
        now = self._clock.now()
        async with self._work.begin(principal, Permission.API_KEYS_REVOKE) as changes:
            await changes.log.hold()
            found = await changes.api_key(id)
            if found is None or found.revoked_at is not None:
                raise NotFound(f"There is no API key {id!r} that still works.")
            await changes.change_api_key(replace(found, revoked_at=now))
            await record_event(changes.log, self._ids, ApiKeyRevoked(id), principal.author(request_id), now)
        await self._revocations.announce(id)

    def _new(self, principal: Principal, name: str, rights: KeyRights, now: datetime) -> tuple[ApiKey, str]:
        text = API_KEY.build(principal.organisation_id, self._secrets.random_bytes(RANDOM_BYTES))
        return ApiKey.of(self._ids.new("key"), name, API_KEY.hint(text), now, rights), text

    async def _made_before(self, changes: IdentityChanges, key: IdempotencyKey | None, now: datetime) -> ApiKey | None:
        """Return the API key that the idempotency key has made before, as it was then."""
        before = await answered_before(changes.log, key, now)
        if before is None:
            return None
        made = _found(await changes.api_key(before["id"]), before["id"])
        expires_at = before.get("expires_at")
        at_first = None if expires_at is None else parse_time(expires_at)
        return replace(made, expires_at=at_first, revoked_at=None, last_used_at=None, replaced_by=None)


async def _maker(changes: IdentityChanges, principal: Principal) -> ApiKey | None:
    """Return the API key that the principal shows, if it is one."""
    if not principal.credential.startswith("key_"):
        return None
    return _found(await changes.api_key(principal.credential), principal.credential)


def _found(key: ApiKey | None, id: str) -> ApiKey:
    if key is None:
        raise NotFound(f"There is no API key {id!r}.")
    return key

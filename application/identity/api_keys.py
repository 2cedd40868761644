"""API keys: making, listing and revoking them."""

from collections.abc import Sequence
from dataclasses import replace

from application.identity.ports import IdentityChanges, IdentityReads, Revocations, Secrets
from application.shared.idempotency import KEYS_LIVE, IdempotencyKey
from application.shared.ports import Clock, Ids, Work
from domain.identity.api_key import API_KEY, NAME_LENGTH_MAX, ApiKey
from domain.identity.events import ApiKeyCreated, ApiKeyRevoked
from domain.identity.secret_text import RANDOM_BYTES, digest
from domain.shared.access import Permission, Principal
from domain.shared.chain import Author
from domain.shared.errors import NotFound
from domain.shared.text import checked_name


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
        self, principal: Principal, name: str, *, request_id: str, key: IdempotencyKey | None = None
    ) -> tuple[ApiKey, str | None]:
        """Make an API key for the principal's organisation; return it, and its text, which is shown this once.

        Where `key` has done so before, return that API key as it was made, without its text. Raises `PermissionDenied`,
        `ValidationFailed`, `IdempotencyConflict`.
        """
        checked_name(name, what="The name", length_max=NAME_LENGTH_MAX, pointer="/name")
        now = self._clock.now()
        text = API_KEY.build(principal.organisation_id, self._secrets.random_bytes(RANDOM_BYTES))
        made = ApiKey(self._ids.new("key"), name, API_KEY.hint(text), now)
        async with self._work.begin(principal, Permission.API_KEYS_CREATE) as changes:
            before = await changes.log.answered(key, used_after=now - KEYS_LIVE) if key else None
            if before is not None:
                return replace(await changes.api_key(before["id"]), revoked_at=None), None
            await changes.add_api_key(made, digest(text))
            await changes.log.record(
                ApiKeyCreated(made.id, made.name),
                id=self._ids.new("evt"),
                author=Author(principal.actor, request_id),
                now=now,
                key=key,
            )
        return made, text

    async def list(self, principal: Principal) -> Sequence[ApiKey]:
        """Return the organisation's keys, oldest first. Raises `PermissionDenied`."""
        async with self._work.read(principal, Permission.API_KEYS_READ) as reads:
            return await reads.api_keys()

    async def revoke(self, principal: Principal, id: str, *, request_id: str) -> None:
        """Make a key useless for good; servers that do not hear of it may take it for five seconds more.

        Raises `PermissionDenied`; `NotFound` for a key that is unknown or revoked already.
        """
        now = self._clock.now()
        async with self._work.begin(principal, Permission.API_KEYS_REVOKE) as changes:
            if not await changes.revoke_api_key(id, now):
                raise NotFound(f"There is no API key {id!r} that still works.")
            await changes.log.record(
                ApiKeyRevoked(id), id=self._ids.new("evt"), author=Author(principal.actor, request_id), now=now
            )
        await self._revocations.announce(id)

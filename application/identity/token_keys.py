"""The keys of access tokens: made when first needed, rotated, revoked."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from application.identity.remembering import REMEMBERED_SECONDS
from application.identity.token_ports import ACCESS_TOKENS_LIVE, KeySealing, TokenKeys
from application.shared.key_id import thumbprint
from application.shared.ports import Clock
from domain.identity.token_key import PUBLISHED_BEFORE_SIGNING, TokenKey, end_of_predecessors, signing_key
from domain.shared.errors import NotFound

# Whoever sends tokens of keys that are not there makes a server look for them this often, and no more often.
UNKNOWN_KEY_SECONDS: Final = 1.0


class TokenKeyring:
    """The keys, as this server knows them: at most five seconds old."""

    def __init__(self, store: TokenKeys, sealing: KeySealing, clock: Clock) -> None:
        self._store = store
        self._sealing = sealing
        self._clock = clock
        self._known: dict[str, TokenKey] = {}
        self._loaded_at = -REMEMBERED_SECONDS
        self._loading = asyncio.Lock()

    async def signing(self) -> TokenKey:
        """Return the key that signs now; make the first one where there is none. Raises `StoreUnavailable`."""
        await self._refresh(REMEMBERED_SECONDS)
        key = signing_key(self._known.values(), self._clock.now())
        if key is None:
            await self._make_first()
            key = signing_key(self._known.values(), self._clock.now())
            assert key is not None, "there is a key now, whoever made it"
        return key

    async def verifying(self, id: str) -> TokenKey | None:
        """Return the key of this id, if tokens of it are taken now. Raises `StoreUnavailable`."""
        await self._refresh(REMEMBERED_SECONDS)
        if id not in self._known:
            await self._refresh(UNKNOWN_KEY_SECONDS)
        key = self._known.get(id)
        return key if key is not None and key.verifies(self._clock.now()) else None

    async def published(self) -> Sequence[TokenKey]:
        """Return all keys whose tokens are taken, or soon will be; there is always one. Raises `StoreUnavailable`."""
        await self.signing()
        now = self._clock.now()
        return [key for key in self._known.values() if key.verifies(now)]

    async def all(self) -> Sequence[TokenKey]:
        """Return all keys that are kept, oldest first. Raises `StoreUnavailable`."""
        return await self._store.all()

    async def rotate(self) -> TokenKey:
        """Make a key that signs in ten minutes, when all know it; those before verify until their tokens expire.

        One that waits to sign is replaced, and keys that verify nothing any more are forgotten. Raises
        `StoreUnavailable`, `CommitInDoubt`.
        """
        now = self._clock.now()
        async with self._store.changing() as changes:
            kept = await changes.all()
            trusted = [key for key in kept if self._sealing.opens(key)]
            is_first = signing_key(trusted, now) is None
            made = replace(self._made(), signs_from=now if is_first else now + PUBLISHED_BEFORE_SIGNING)
            end = end_of_predecessors(made.signs_from, ACCESS_TOKENS_LIVE)
            for key in kept:
                if not key.verifies(now) or (key in trusted and key.signs_from > now):
                    await changes.drop(key.id)
                elif key in trusted and (key.verifies_until is None or key.verifies_until > end):
                    await changes.keep(replace(key, verifies_until=end))
            await changes.keep(made)
        self._forget()
        return made

    async def revoke(self, id: str) -> None:
        """Take no token of this key any more, within ten seconds everywhere; if it is the one to sign, make another.

        Raises `NotFound`, `StoreUnavailable`, `CommitInDoubt`.
        """
        now = self._clock.now()
        async with self._store.changing() as changes:
            kept = await changes.all()
            if id not in [key.id for key in kept]:
                raise NotFound(f"There is no token key {id!r}.")
            await changes.drop(id)
            rest = [key for key in kept if key.id != id and self._sealing.opens(key)]
            if signing_key(rest, now) is None:
                await changes.keep(self._made())
        self._forget()

    async def _make_first(self) -> None:
        async with self._store.changing() as changes:
            trusted = [key for key in await changes.all() if self._sealing.opens(key)]
            if signing_key(trusted, self._clock.now()) is None:
                await changes.keep(self._made())
        self._forget()
        await self._refresh(REMEMBERED_SECONDS)

    def _made(self) -> TokenKey:
        public_key, sealed = self._sealing.make()
        now = self._clock.now()
        return TokenKey(thumbprint(public_key), public_key, sealed, now, now)

    def _forget(self) -> None:
        self._loaded_at = -REMEMBERED_SECONDS

    async def _refresh(self, older_than_seconds: float) -> None:
        """Read the keys anew if what is known is older than that; however many wait for it, they are read once."""
        # The loop's clock never jumps, as the wall's may.
        time = asyncio.get_running_loop().time
        if time() - self._loaded_at < older_than_seconds:
            return
        async with self._loading:
            started = time()
            if started - self._loaded_at < older_than_seconds:
                return
            # What was opened once need not be opened again.
            known = {key.id: key for key in await self._store.all() if self._is_known(key) or self._sealing.opens(key)}
            self._known = known
            self._loaded_at = started

    def _is_known(self, key: TokenKey) -> bool:
        known = self._known.get(key.id)
        return known is not None and (known.public_key, known.sealed) == (key.public_key, key.sealed)

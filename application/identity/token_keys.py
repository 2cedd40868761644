"""The keys of access tokens: made when first needed, rotated, revoked."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from time import monotonic
from typing import Final

from application.identity.remembering import KEYS_REMEMBERED_SECONDS
from application.identity.token_ports import ACCESS_TOKENS_LIVE, KeySealing, TokenKeys
from application.shared.key_id import thumbprint
from application.shared.ports import Clock, StoreUnavailable
from domain.identity.token_key import PUBLISHED_BEFORE_SIGNING, TokenKey, end_of_predecessors, signing_key
from domain.shared.errors import NotFound

# For so long, a store that could not be read is not asked again.
AWAY_SECONDS: Final = 1.0


class TokenKeyring:
    """The keys, as this server knows them: at most a second old."""

    def __init__(
        self, store: TokenKeys, sealing: KeySealing, clock: Clock, *, seconds: Callable[[], float] = monotonic
    ) -> None:
        """`seconds` is a clock that, unlike the wall's, never jumps."""
        self._store = store
        self._sealing = sealing
        self._clock = clock
        self._seconds = seconds
        self._known: dict[str, TokenKey] = {}
        self._fresh_until = -inf
        self._loading: asyncio.Task[bool] | None = None
        self._away_until = -inf
        # What was to be forgotten since the load under way began.
        self._forgotten: set[str] = set()

    async def signing(self) -> TokenKey:
        """Return the key that signs now; make the first one where there is none. Raises `StoreUnavailable`."""
        await self._refresh()
        key = signing_key(self._known.values(), self._clock.now())
        if key is None:
            await self._make_first()
            key = signing_key(self._known.values(), self._clock.now())
            assert key is not None, "there is a key now, whoever made it"
        return key

    async def verifying(self, id: str) -> TokenKey | None:
        """Return the key of this id, if tokens of it are taken now. Raises `StoreUnavailable`."""
        await self._refresh()
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
        """Take no token of this key any more, within five seconds everywhere; if it is the one to sign, make another.

        Whoever then announces its id as a revocation has it hold at once. Raises `NotFound`, `StoreUnavailable`,
        `CommitInDoubt`.
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
        await self._refresh()

    def _made(self) -> TokenKey:
        public_key, sealed = self._sealing.make()
        now = self._clock.now()
        return TokenKey(thumbprint(public_key), public_key, sealed, now, now)

    def forget(self, *ids: str) -> None:
        """Read the keys anew before any is used again, if one of these is among them."""
        self._forgotten.update(ids if self._loading is not None else ())
        if not self._known.keys().isdisjoint(ids):
            self._forget()

    def _forget(self) -> None:
        self._fresh_until = self._away_until = -inf
        self._loading = None

    async def _refresh(self) -> None:
        """Read the keys anew if what is known is too old; however many wait for it, they are read once.

        Raises `StoreUnavailable`: for all who wait for them, and at once for who comes in the second after.
        """
        is_fresh = self._seconds() < self._fresh_until
        while not is_fresh:
            if self._seconds() < self._away_until:
                raise StoreUnavailable("The keys of access tokens could not be read a moment ago.")
            if self._loading is None:
                self._loading = asyncio.create_task(self._load())
                self._loading.add_done_callback(_seen)
            # Whoever goes away stops it for nobody else.
            is_fresh = await asyncio.shield(self._loading)

    async def _load(self) -> bool:
        """Read the keys; return whether they count, as nothing was to be forgotten meanwhile."""
        task = asyncio.current_task()
        started = self._seconds()
        self._forgotten.clear()
        try:
            kept = await self._store.all()
        except StoreUnavailable:
            if self._loading is task:
                self._away_until = self._seconds() + AWAY_SECONDS
            raise
        finally:
            is_current = self._loading is task
            if is_current:
                self._loading = None
        is_current = is_current and self._forgotten.isdisjoint(key.id for key in kept)
        if is_current:
            # What was opened once need not be opened again.
            self._known = {key.id: key for key in kept if self._is_known(key) or self._sealing.opens(key)}
            self._fresh_until = started + KEYS_REMEMBERED_SECONDS
        return is_current

    def _is_known(self, key: TokenKey) -> bool:
        known = self._known.get(key.id)
        return known is not None and (known.public_key, known.sealed) == (key.public_key, key.sealed)


def _seen(task: asyncio.Task[bool]) -> None:
    if not task.cancelled():
        task.exception()  # also where all who waited have gone, it counts as seen

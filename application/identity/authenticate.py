"""Who is it? An API key's text becomes a principal."""

import asyncio
from dataclasses import dataclass
from typing import Final

from application.identity.ports import Organisations
from domain.identity.api_key import digest, organisation_of
from domain.shared.access import EVERY_PERMISSION, Principal
from domain.shared.errors import NotAuthenticated

REMEMBERED_SECONDS: Final = 5.0
REMEMBERED_KEYS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until: float


class Authenticate:
    """Turns API keys into principals; a key that was found is not looked up again for five seconds."""

    def __init__(self, organisations: Organisations) -> None:
        self._organisations = organisations
        self._remembered: dict[str, _Remembered] = {}
        self._looking: dict[str, asyncio.Task[Principal]] = {}

    async def by_key(self, text: str) -> Principal:
        """Return who shows this key. Raises `NotAuthenticated`, `StoreUnavailable`."""
        # The loop's clock, unlike the wall's, never jumps: a revoked key is not remembered for longer.
        now = asyncio.get_running_loop().time()
        remembered = self._remembered.get(text)
        if remembered is not None and now < remembered.until:
            return remembered.principal
        organisation_id = organisation_of(text)
        # However many show the same key at once, it is looked up once; a caller that goes away stops nobody else.
        looking = self._looking.get(text)
        if looking is None:
            looking = asyncio.create_task(self._look_up(organisation_id, text, now))
            self._looking[text] = looking
            looking.add_done_callback(lambda task: self._looked_up(text, task))
        return await asyncio.shield(looking)

    def _looked_up(self, text: str, looking: asyncio.Task[Principal]) -> None:
        self._looking.pop(text, None)
        if not looking.cancelled():
            looking.exception()  # also where every caller has gone, it counts as seen

    async def _look_up(self, organisation_id: int, text: str, now: float) -> Principal:
        self._remembered.pop(text, None)
        key = await self._organisations.key_of(organisation_id, digest(text))
        if key is None:
            raise NotAuthenticated("The API key is unknown.")
        if key.revoked_at is not None:
            raise NotAuthenticated(f"The API key {key.id} was revoked.")
        principal = Principal(organisation_id, key.id, EVERY_PERMISSION)
        if len(self._remembered) >= REMEMBERED_KEYS_MAX:
            self._remembered.clear()
        self._remembered[text] = _Remembered(principal, now + REMEMBERED_SECONDS)
        return principal

"""Who asks, in a request that goes on for long."""

import asyncio
from typing import Final

from domain.shared.access import Principal
from entrypoints.http.credentials import FindPrincipal

CHECK_SECONDS: Final = 0.5
"""How long a revocation goes unnoticed at most, beyond the seconds for which it is remembered what a credential is.

Both together are five.
"""


class LastingPrincipal:
    """The principal of something that may go on for hours: whoever `find` finds, asked for again when it matters."""

    def __init__(self, principal: Principal, find: FindPrincipal) -> None:
        self.last = principal
        self._find = find
        self._checked_at = asyncio.get_running_loop().time()

    def is_certain(self, seconds: float) -> bool:
        """Whether it was asked for within the last seconds."""
        return asyncio.get_running_loop().time() < self._checked_at + seconds

    async def now(self, seconds: float | None = None) -> Principal:
        """Return who asks, as things were within the last seconds; half of one, if none are given.

        Raises `NotAuthenticated`, `PermissionDenied`, `StoreUnavailable`.
        """
        if not self.is_certain(CHECK_SECONDS if seconds is None else seconds):
            asked_at = asyncio.get_running_loop().time()
            self.last = await self._find()
            self._checked_at = asked_at
        return self.last

"""Who asks, in a request that goes on for long."""

import asyncio
from typing import Final

from starlette.requests import Request

from domain.shared.access import Principal
from entrypoints.http.dependencies import principal_now

CHECK_SECONDS: Final = 0.5
"""How long a revocation goes unnoticed at most, beyond the seconds for which it is remembered what a credential is."""


class LastingPrincipal:
    """The principal of a request that may go on for hours, looked at again every half second."""

    def __init__(self, request: Request, principal: Principal) -> None:
        self._request = request
        self._principal = principal
        self._checked_at = asyncio.get_running_loop().time()

    async def now(self) -> Principal:
        """Return who asks, as things are now. Raises `NotAuthenticated`, `PermissionDenied`, `StoreUnavailable`."""
        now = asyncio.get_running_loop().time()
        if now >= self._checked_at + CHECK_SECONDS:
            self._principal = await principal_now(self._request)
            self._checked_at = now
        return self._principal

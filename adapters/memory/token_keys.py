"""Keys of access tokens in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from application.identity.token_ports import TokenKeyChanges
from domain.identity.token_key import TokenKey


class MemoryTokenKeys:
    """`TokenKeys` that count how often they are read; what fails half-way is not undone."""

    def __init__(self) -> None:
        self._keys: dict[str, TokenKey] = {}
        self._changing = asyncio.Lock()
        self.times_read = 0

    async def all(self) -> Sequence[TokenKey]:
        self.times_read += 1
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[TokenKeyChanges]:
        async with self._changing:
            yield self

    async def keep(self, key: TokenKey) -> None:
        self._keys[key.id] = key

    async def drop(self, id: str) -> None:
        del self._keys[id]

"""How many requests may be open at a time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Final
from weakref import WeakValueDictionary

from application.webhooks.outbox import Parcel

OPEN_MAX: Final = 256
# So many of them are left to organisations that have none open yet.
OPEN_KEPT: Final = 64
OPEN_OF_ORGANISATION_MAX: Final = 64
OPEN_OF_ENDPOINT_MAX: Final = 16


class OpenRequests:
    """Lets so many be open: in all, of one organisation, and to one endpoint, so that none takes the place of others.

    There is a place for who has none, though the receivers of some are slow and they have all that they can get. Who
    waits takes no place of a wider bound meanwhile.
    """

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(OPEN_MAX)
        self._further = asyncio.Semaphore(OPEN_MAX - OPEN_KEPT)
        self._begun: Counter[int] = Counter()
        # Each is there for as long as someone uses it.
        self._of: WeakValueDictionary[object, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def one_more(self, parcel: Parcel) -> AsyncIterator[None]:
        """Wait until a request may be opened, and count it while it is."""
        async with (
            self._bound((parcel.organisation_id, parcel.endpoint.id), OPEN_OF_ENDPOINT_MAX),
            self._bound(parcel.organisation_id, OPEN_OF_ORGANISATION_MAX),
            self._place(parcel.organisation_id),
            self._all,
        ):
            yield

    @asynccontextmanager
    async def _place(self, organisation_id: int) -> AsyncIterator[None]:
        is_first = not self._begun[organisation_id]
        self._begun[organisation_id] += 1
        try:
            async with nullcontext() if is_first else self._further:
                yield
        finally:
            self._begun[organisation_id] -= 1
            if not self._begun[organisation_id]:
                del self._begun[organisation_id]

    def _bound(self, of: object, count_max: int) -> asyncio.Semaphore:
        return self._of.setdefault(of, asyncio.Semaphore(count_max))

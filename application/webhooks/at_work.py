"""An organisation that is being served: what was heard of it, and what is on its way."""

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine
from typing import Any, Final

from application.webhooks.outbox import Key, Parcel

PARCELS_OF_KEY_MAX: Final = 4


class AtWork:
    """Which ledgers of it are to be looked at, and which parcels are on their way."""

    def __init__(self) -> None:
        self._ledgers: set[str] | None = set()
        self._is_called = asyncio.Event()
        self._parcels: dict[asyncio.Task[None], Parcel] = {}

    @property
    def is_called(self) -> bool:
        """Whether there may be something to do."""
        return self._is_called.is_set()

    @property
    def parcels(self) -> int:
        """Return how many parcels are on their way."""
        return len(self._parcels)

    def call(self, ledgers: Collection[str] | None) -> None:
        """Say that there may be something new in these ledgers, or in any; or, with none, that something may be due."""
        if ledgers is None:
            self._ledgers = None
        elif self._ledgers is not None:
            self._ledgers.update(ledgers)
        self._is_called.set()

    def take_call(self) -> Collection[str] | None:
        """Return what was said since the last time."""
        ledgers, self._ledgers = self._ledgers, set()
        self._is_called.clear()
        return ledgers

    async def called(self) -> None:
        """Wait until there may be something to do."""
        await self._is_called.wait()

    def busy(self) -> Collection[Key]:
        """Return for whom and of what no further parcel may be on its way: in order, that is one."""
        counts = Counter(parcel.key for parcel in self._parcels.values())
        ordered = {parcel.key for parcel in self._parcels.values() if parcel.endpoint.wanted.ordered}
        return [key for key, count in counts.items() if count >= PARCELS_OF_KEY_MAX or key in ordered]

    def begin(self, parcel: Parcel, sending: Coroutine[Any, Any, None]) -> None:
        """Begin to send a parcel. Once that is done, more may be due, or there is room for what waits in the log."""

        def end(task: asyncio.Task[None]) -> None:
            del self._parcels[task]
            self.call({parcel.ledger})

        task = asyncio.create_task(sending, name="webhook parcels")
        self._parcels[task] = parcel
        task.add_done_callback(end)

    async def finish(self) -> None:
        """Wait until all that was begun is done; if that is not waited for, end it."""
        tasks = list(self._parcels)
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()

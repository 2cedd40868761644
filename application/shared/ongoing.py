"""Work that goes on in the background for as long as a server or a worker runs."""

import asyncio
from abc import ABC, abstractmethod
from typing import ClassVar


class Ongoing(ABC):
    """Something that goes on from `start` to `stop`, in a task of its own: it looks again and again for what is to do.

    What it was about when it is stopped, another process does, or the same one the next time.
    """

    stop_seconds: ClassVar[float] = 5.0
    """How long `stop` waits for it, whatever holds it up."""

    _going: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        assert self._going is None, "it goes on already"
        self._going = asyncio.create_task(self._go_on(), name=type(self).__name__)

    async def stop(self) -> None:
        """End it, within a few seconds."""
        going, self._going = self._going, None
        if going is not None:
            going.cancel()
            await asyncio.wait((going,), timeout=self.stop_seconds)

    @abstractmethod
    async def _go_on(self) -> None:
        """Do it, and never return. Raises nothing: whatever fails is tried again."""

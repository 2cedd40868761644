"""Erasing what nobody has attached any more, and what uploads that were cut off have left."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from application.attachments.ports import Files, FileStore, UnusedFiles
from application.shared.ports import Clock, CommitInDoubt, StoreUnavailable
from domain.attachments.refusals import FilesUnavailable

PERIOD_SECONDS: Final = 600.0
AT_ONCE: Final = 100
STOP_SECONDS: Final = 5.0

_log = logging.getLogger("partita.attachments")


class FileTidying:
    """Erases what is due, every ten minutes from `start` to `stop`. Any number of processes may do so at once."""

    def __init__(
        self, unused: UnusedFiles, files: Files, store: FileStore, clock: Clock, *, retention: timedelta
    ) -> None:
        """`retention` is for how long a file is kept after it was removed from the last thing that had it."""
        self._unused = unused
        self._files = files
        self._store = store
        self._clock = clock
        self._retention = retention
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        assert self._task is None, "it goes on already"
        self._task = asyncio.create_task(self._run(), name="files")

    async def stop(self) -> None:
        """End it, whatever it is about: what is due stays so."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_SECONDS)
            self._task = None

    async def tidy(self) -> int:
        """Erase what is due now; return how many contents that were.

        Raises `FilesUnavailable`, `StoreUnavailable`, `CommitInDoubt`.
        """
        now, erased = self._clock.now(), 0
        while found := await self._unused.to_check(now, AT_ONCE):
            for file in found:
                await self._unused.check(file, now, self._retention)
        while loose := await self._unused.to_erase(now, AT_ONCE):
            for each in loose:
                # In this order: what is not erased is still written down.
                await self._store.erase(each.place)
                await self._files.withdraw(each.organisation_id, each.place)
                erased += 1
        return erased

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            try:
                await self.tidy()
            except (FilesUnavailable, StoreUnavailable, CommitInDoubt) as error:
                _log.warning("files are erased later: %s", error)
            except Exception:
                _log.exception("files could not be erased")

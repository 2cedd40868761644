"""Erasing what nobody has attached any more, and what uploads that were cut off have left."""

from datetime import timedelta
from typing import Final

from application.attachments.ports import Files, FileStore, UnusedFiles
from application.shared.ports import Clock

AT_ONCE: Final = 100


class FileTidying:
    """Erases what is due. Any number of processes may do so at once, and again after they were interrupted."""

    def __init__(
        self, unused: UnusedFiles, files: Files, store: FileStore, clock: Clock, *, retention: timedelta
    ) -> None:
        """`retention` is for how long a file is kept after it was removed from the last thing that had it."""
        self._unused = unused
        self._files = files
        self._store = store
        self._clock = clock
        self._retention = retention

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

"""Contents in a folder of this machine."""

import asyncio
import os
from collections.abc import AsyncIterable
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from obstore.store import LocalStore

from adapters.obstore.contents import ObstoreContents, path_of
from domain.attachments.refusals import DirectTransferUnavailable, FilesUnavailable


class FolderContents(ObstoreContents):
    """Contents in a folder, made when it is first used. What is written is on the disk before anyone hears of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _store(self) -> LocalStore:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LocalStore(self._folder)

    async def write(self, place: str, content: AsyncIterable[bytes]) -> None:
        await super().write(place, content)
        file = self._folder / path_of(place)
        try:
            await asyncio.to_thread(_sync, file)
        except OSError as error:
            raise FilesUnavailable(f"The disk did not take the file: {error.strerror}.") from error

    async def erase(self, place: str) -> None:
        await super().erase(place)
        # What a server that was killed left of an upload: obstore writes to such a name, and renames that at the end.
        file = self._folder / path_of(place)
        for draft in file.parent.glob(f"{file.name}#*"):
            draft.unlink(missing_ok=True)

    async def upload_url(self, place: str, lifetime: timedelta) -> str:
        raise _unavailable()

    async def download_url(self, place: str, lifetime: timedelta) -> str:
        raise _unavailable()

    async def sent(self, place: str) -> int | None:
        raise _unavailable()


def _unavailable() -> DirectTransferUnavailable:
    return DirectTransferUnavailable(
        "This server keeps files in a folder, which has no URLs: send and fetch them here."
    )


def _sync(file: Path) -> None:
    """Have the file, its name and that of its folder written to the disk."""
    for path in (file, file.parent, file.parent.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

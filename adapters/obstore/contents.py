"""What folders and stores that speak S3 have in common, as obstore gives it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import obstore
from obstore.exceptions import BaseError

from domain.attachments.refusals import FilesUnavailable

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import ObjectStore

# Few enough that many uploads and downloads fit into memory; a piece is read while the one before it is sent.
PIECE_BYTES: Final = 1024 * 1024
# The least that S3 takes, of which it takes 10,000: 50 GB.
PART_BYTES: Final = 5 * 1024 * 1024
PARTS_AT_A_TIME: Final = 2
# Whatever a browser is told by a store itself, it saves the file.
SAVED: "Final[Attributes]" = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}

Result = TypeVar("Result")


class ObstoreContents(ABC):
    """Contents in an object store, below folders by the last two characters of their names."""

    attributes: "ClassVar[Attributes | None]" = None

    @property
    @abstractmethod
    def _store(self) -> "ObjectStore": ...

    async def write(self, place: str, content: AsyncIterable[bytes]) -> None:
        pieces = _pieces(content)
        first = await anext(pieces, b"")
        # What is short takes one request; of what is long, parts are uploaded while others arrive.
        whole = len(first) < PIECE_BYTES
        writing = obstore.put_async(
            self._store,
            path_of(place),
            first if whole else _chained(first, pieces),
            attributes=self.attributes,
            use_multipart=not whole,
            chunk_size=PART_BYTES,
            max_concurrency=PARTS_AT_A_TIME,
        )
        await reached(writing)

    async def read(self, place: str, start: int, end: int) -> AsyncGenerator[bytes]:
        path = path_of(place)

        async def piece(at: int) -> bytes:
            length = min(PIECE_BYTES, end - at)
            try:
                found = await reached(obstore.get_range_async(self._store, path, start=at, length=length))
            except FileNotFoundError as error:
                raise FilesUnavailable("A file is missing where files are kept.") from error
            if len(found) != length:
                raise FilesUnavailable("A file is shorter than it was.")
            return bytes(found)

        ahead: asyncio.Task[bytes] | None = None
        try:
            for at in range(start, end, PIECE_BYTES):
                current = await (ahead or piece(at))
                following = at + PIECE_BYTES
                ahead = asyncio.create_task(piece(following)) if following < end else None
                yield current
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def erase(self, place: str) -> None:
        with suppress(FileNotFoundError):
            await reached(obstore.delete_async(self._store, path_of(place)))


def path_of(place: str) -> str:
    """Return where in the store a place lies."""
    return f"{place[-2:]}/{place}"


async def reached(asked: Awaitable[Result]) -> Result:
    """Return what the store answers. Raises `FilesUnavailable`, and `FileNotFoundError` for what is not there."""
    try:
        return await asked
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise FilesUnavailable("The store of files did not answer as it should. Nothing was attached.") from error


async def _pieces(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the content in pieces that are worth handing over, however small those are that it arrives in."""
    gathered = bytearray()
    async for part in content:
        gathered += part
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part

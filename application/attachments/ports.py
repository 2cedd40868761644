"""Ports of files: where their contents are kept, which of them there are, and who looks into them."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from domain.shared.stable import stable


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that speaks S3: `s3://name`, or `s3://name/prefix`; where it is and with which key, if it must be told.

    What is None is found as AWS's own tools find it: in the environment, or from the machine.
    """

    url: str
    endpoint: str | None = None
    region: str | None = None
    key_id: str | None = None
    key_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A content, which an organisation has once: its size in bytes, and its place in the store."""

    sha256: bytes
    size: int
    place: str


class FileStore(Protocol):
    """Where contents are kept, by names that tell nothing. All of it raises `FilesUnavailable`."""

    async def write(self, place: str, content: AsyncIterable[bytes]) -> None:
        """Keep the content by this name, all of it or nothing: whatever `content` raises leaves nothing."""
        ...

    def read(self, place: str, start: int, end: int) -> AsyncGenerator[bytes]:
        """Yield the bytes from `start` up to, and without, `end`, of which there are so many; a few at a time."""
        ...

    async def erase(self, place: str) -> None:
        """Erase what is kept by this name, and what an upload of it that was cut off has left, if there is any."""
        ...


class DirectTransfers(Protocol):
    """How clients send contents to the store, and fetch them, without this server in between.

    All of it raises `DirectTransferUnavailable` where the store cannot do that, and `FilesUnavailable`.
    """

    async def upload_url(self, place: str, lifetime: timedelta) -> str:
        """Return a URL that the content can be PUT to for so long."""
        ...

    async def download_url(self, place: str, lifetime: timedelta) -> str:
        """Return a URL that the content can be fetched from for so long; no browser shows it."""
        ...

    async def sent(self, place: str) -> int | None:
        """Return how many bytes were sent by now; None where nothing was."""
        ...


class Files(Protocol):
    """Which contents organisations have. All of it raises `StoreUnavailable`, and what writes, `CommitInDoubt`."""

    async def announce(self, organisation_id: int, place: str, due_at: datetime) -> int | None:
        """Write down a place that is about to be written to, and is erased at `due_at` (UTC) if it becomes no file.

        Return how many bytes the organisation has room for; None is without a limit.
        """
        ...

    async def keep(self, organisation_id: int, file: StoredFile, now: datetime, check_at: datetime) -> StoredFile:
        """Make what is in the announced place a file, and return it; or the file of the same content that there is.

        It is looked at again at `check_at` (UTC). Raises `UploadNotFound` for what was announced no more, and
        `QuotaExceeded`.
        """
        ...

    async def has_announced(self, organisation_id: int, place: str, now: datetime) -> bool:
        """Return whether the place is announced, and not due yet."""
        ...

    async def find(self, organisation_id: int, sha256: bytes) -> StoredFile | None:
        """Return the file of that content."""
        ...

    async def withdraw(self, organisation_id: int, place: str) -> None:
        """Forget a place that holds nothing any more."""
        ...


@dataclass(frozen=True, slots=True)
class LooseContent:
    """The place of a content that is no file, or is one no more."""

    organisation_id: int
    place: str


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file, by its organisation and its content."""

    organisation_id: int
    sha256: bytes


class UnusedFiles(Protocol):
    """What is to be erased, across all organisations. Raises `StoreUnavailable`, and what writes, `CommitInDoubt`."""

    async def to_check(self, now: datetime, limit: int) -> Sequence[FileRef]:
        """Return files that have to be looked at by that time (UTC), the longest due first."""
        ...

    async def check(self, file: FileRef, now: datetime, retention: timedelta) -> None:
        """Look at one: where nothing has had it attached for so long, it is a file no more, and its place is due."""
        ...

    async def to_erase(self, now: datetime, limit: int) -> Sequence[LooseContent]:
        """Return contents that are due by that time (UTC), the longest due first."""
        ...


@stable(since="0.2.0")
class Scanner(Protocol):
    """Who looks into a file before anyone can read it, for viruses and the like."""

    async def finding(self, content: AsyncIterator[bytes]) -> str | None:
        """Return what is wrong with the content, in a few words, or None. It need not read to the end.

        Whatever it raises is taken for a refusal to let the file in: nothing that was not looked into is readable.
        """
        ...

"""A content on its way in: counted and hashed while it passes, and stopped where it is too long."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from domain.attachments.refusals import DigestMismatch, FileTooLarge
from domain.shared.errors import QuotaExceeded


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes a file may have: by the server's limit, and by what is left of the organisation's quota."""

    bytes_max: int
    room: int | None = None

    def require(self, size: int) -> None:
        """Return if a file may be so long; else raise `FileTooLarge` or `QuotaExceeded`."""
        if size > self.bytes_max:
            raise FileTooLarge(f"The file is longer than {self.bytes_max:,} bytes.")
        if self.room is not None and size > self.room:
            raise QuotaExceeded(
                f"The file is longer than what is left of the organisation's quota of storage, {self.room:,} bytes. "
                "Ask whoever runs this server for a larger quota.",
                facts={"quota": "storage_bytes"},
            )


class Received:
    """What has passed so far: iterate to let it pass."""

    def __init__(self, content: AsyncIterable[bytes], bounds: Bounds) -> None:
        self._content = content
        self._bounds = bounds
        self._hash = hashlib.sha256()
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield each part. Raises `FileTooLarge`, `QuotaExceeded`, and what the content raises."""
        async for part in self._content:
            if not part:
                continue
            self.size += len(part)
            self._bounds.require(self.size)
            # A part has some 100 KB, and takes as many microseconds.
            self._hash.update(part)
            yield part

    @property
    def sha256(self) -> bytes:
        """Return the SHA-256 of what has passed."""
        return self._hash.digest()

    def require(self, stated: bytes | None) -> None:
        """Return if this is the SHA-256 of what has passed, or none was stated; else raise `DigestMismatch`."""
        if stated is not None and stated != self.sha256:
            raise DigestMismatch(
                f"What arrived, {self.size:,} bytes, has the SHA-256 {self.sha256.hex()}, not {stated.hex()}."
            )

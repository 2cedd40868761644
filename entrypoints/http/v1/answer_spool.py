"""Answers that wait for a client to take them: in memory while they are few, then in a file."""

import asyncio
import tempfile
from typing import IO, Final

MEMORY_BYTES_MAX: Final = 1024 * 1024
READ_BYTES: Final = 64 * 1024


class SpoolFull(Exception):
    """No more answers can wait: the file is as long as it may be, or its disk is full."""


class AnswerSpool:
    """A queue of bytes, first in, first out, between one writer who never waits and one reader who does."""

    def __init__(self, bytes_max: int) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_BYTES_MAX)  # noqa: SIM115 # closed by `close`
        self._bytes_max = bytes_max
        self._read_position = 0
        self._length = 0
        self._is_complete = False
        self._last = b""
        self._news = asyncio.Event()

    def write(self, answers: bytes) -> None:
        """Append answers. Raises `SpoolFull`; what was written before is still read."""
        if self._length + len(answers) > self._bytes_max:
            raise SpoolFull(f"{self._length:,} bytes of answers are waiting to be taken")
        try:
            self._file.seek(self._length)
            self._file.write(answers)
            # Without this, a full disk would show only later, when it is too late to say so.
            self._file.flush()
        except OSError as error:
            raise SpoolFull(f"the disk takes no more answers: {error.strerror}") from error
        self._length += len(answers)
        self._news.set()

    def complete(self, last: bytes = b"") -> None:
        """Say that nothing more will be written, but for these last bytes, which always find room."""
        self._last = last
        self._is_complete = True
        self._news.set()

    async def read(self) -> bytes:
        """Return the next answers, waiting for some; empty when all is read and nothing more will come."""
        while self._read_position == self._length:
            if self._is_complete:
                last, self._last = self._last, b""
                return last
            self._news.clear()
            await self._news.wait()
        self._file.seek(self._read_position)
        answers = self._file.read(READ_BYTES)
        self._read_position += len(answers)
        if self._read_position == self._length:
            # A reader that keeps up leaves nothing behind.
            self._file.seek(0)
            self._file.truncate()
            self._read_position = self._length = 0
        return answers

    def close(self) -> None:
        """Give the memory or the file back."""
        self._file.close()

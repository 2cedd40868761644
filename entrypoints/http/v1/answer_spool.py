"""Answers that wait for a client to take them: in memory while they are few, then in a file."""

import asyncio
import tempfile
from typing import IO, Final

MEMORY_BYTES_MAX: Final = 1024 * 1024
READ_BYTES: Final = 64 * 1024


class SpoolFull(Exception):
    """No more answers can wait: the file is as long as it may be, or its disk is full."""


class AnswerSpool:
    """A queue of bytes, first in, first out, between one writer who never waits and one reader who does.

    What is in memory was written before what is in the file: once something went to the file, all does until the
    reader has emptied it.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._file_begin = 0
        self._file_end = 0
        self._is_complete = False
        self._last = b""
        self._news = asyncio.Event()

    def write(self, answers: bytes) -> None:
        """Append answers. Raises `SpoolFull`; what was written before is still read."""
        waiting = len(self._memory) + self._file_end
        if waiting + len(answers) > self._bytes_max:
            raise SpoolFull(f"{waiting:,} bytes of answers are waiting to be taken")
        if self._file_end == 0 and len(self._memory) + len(answers) <= MEMORY_BYTES_MAX:
            self._memory += answers
        else:
            self._write_to_file(answers)
        self._news.set()

    def _write_to_file(self, answers: bytes) -> None:
        try:
            if self._file is None:
                # Without a buffer, which would keep what a full disk refused, and try it again at every turn.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 # closed by `close`
            self._file.seek(self._file_end)
            rest = memoryview(answers)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            # What was written of it lies behind the end, where nobody reads.
            raise SpoolFull(f"the disk takes no more answers: {error.strerror}") from error
        self._file_end += len(answers)

    def complete(self, last: bytes = b"") -> None:
        """Say that nothing more will be written, but for these last bytes, which always find room."""
        self._last = last
        self._is_complete = True
        self._news.set()

    async def read(self) -> bytes:
        """Return the next answers, waiting for some; empty when all is read and nothing more will come."""
        while not self._memory and self._file_end == 0:
            if self._is_complete:
                last, self._last = self._last, b""
                return last
            self._news.clear()
            await self._news.wait()
        if self._memory:
            answers = bytes(self._memory[:READ_BYTES])
            del self._memory[:READ_BYTES]
            return answers
        return self._read_from_file()

    def _read_from_file(self) -> bytes:
        assert self._file is not None
        self._file.seek(self._file_begin)
        answers = self._file.read(min(READ_BYTES, self._file_end - self._file_begin))
        self._file_begin += len(answers)
        if self._file_begin == self._file_end:
            # A reader that keeps up leaves nothing behind.
            self._file.truncate(0)
            self._file_begin = self._file_end = 0
        return answers

    def close(self) -> None:
        """Give the memory and the file back."""
        self._memory.clear()
        if self._file is not None:
            self._file.close()

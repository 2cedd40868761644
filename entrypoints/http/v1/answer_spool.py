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

    What is in memory was written before what is in the files: once something went to a file, all does until the reader
    has emptied both. One file is read while the other is written; once all of the first is read, it is cut off and they
    change places. So a reader who stays a little behind for ever needs little of the disk, and all together never takes
    more than twice of what may wait.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._memory = bytearray()
        self._read_file = _File()
        self._written_file = _File()
        self._is_complete = False
        self._last = b""
        self._news = asyncio.Event()

    def write(self, answers: bytes) -> None:
        """Append answers. Raises `SpoolFull`; what was written before is still read."""
        in_files = self._read_file.waiting + self._written_file.waiting
        waiting = len(self._memory) + in_files
        if waiting + len(answers) > self._bytes_max:
            raise SpoolFull(f"{waiting:,} bytes of answers are waiting to be taken")
        if in_files == 0 and len(self._memory) + len(answers) <= MEMORY_BYTES_MAX:
            self._memory += answers
        else:
            self._written_file.append(answers)
        self._news.set()

    def complete(self, last: bytes = b"") -> None:
        """Say that nothing more will be written, but for these last bytes, which always find room."""
        self._last = last
        self._is_complete = True
        self._news.set()

    async def read(self) -> bytes:
        """Return the next answers, waiting for some; empty when all is read and nothing more will come."""
        while True:
            if self._memory:
                answers = bytes(self._memory[:READ_BYTES])
                del self._memory[:READ_BYTES]
                return answers
            if not self._read_file.waiting:
                self._read_file, self._written_file = self._written_file, self._read_file
            if self._read_file.waiting:
                return self._read_file.take(READ_BYTES)
            if self._is_complete:
                last, self._last = self._last, b""
                return last
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """Give the memory and the files back."""
        self._memory.clear()
        self._read_file.close()
        self._written_file.close()


class _File:
    """A temporary file, made when it is first written to, which is emptied by reading all of it."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._begin = 0
        self._end = 0

    @property
    def waiting(self) -> int:
        """Return how many bytes were not read yet."""
        return self._end - self._begin

    def append(self, answers: bytes) -> None:
        """Write at the end. Raises `SpoolFull`."""
        try:
            if self._file is None:
                # Without a buffer, which would keep what a full disk refused, and try it again at every turn.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 # closed by `close`
            self._file.seek(self._end)
            rest = memoryview(answers)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            # What was written of it lies behind the end, where nobody reads.
            raise SpoolFull(f"the disk takes no more answers: {error.strerror}") from error
        self._end += len(answers)

    def take(self, bytes_max: int) -> bytes:
        """Return what is next."""
        assert self._file is not None
        self._file.seek(self._begin)
        answers = self._file.read(min(bytes_max, self.waiting))
        self._begin += len(answers)
        if self._begin == self._end:
            self._file.truncate(0)
            self._begin = self._end = 0
        return answers

    def close(self) -> None:
        """Give the disk its room back."""
        if self._file is not None:
            self._file.close()

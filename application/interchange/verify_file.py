"""Verify an exported log, with nothing but the file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from application.interchange.log_lines import LINE_BYTES_MAX, EventLine, LineUnreadable, read_event_line
from application.ledger.checkpoint import Checkpoint
from application.ledger.verification import ChainFollower, Verification
from domain.shared.chain import ChainBroken

LINES_PER_REPORT: Final = 1_000


class Lines(Protocol):
    """A file that is open for reading bytes."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line with its line break, or its first `limit` bytes; nothing at the end."""
        ...


@dataclass(frozen=True, slots=True)
class FileVerification:
    """What was found, and at which line of the file the first thing that is wrong stands."""

    verification: Verification
    first_bad_line: int | None = None


def verify_file(
    lines: Lines, *, checkpoint: Checkpoint | None = None, progress: Callable[[int], None] | None = None
) -> FileVerification:
    """Verify a log that was exported, in constant memory; with a checkpoint, also that the log still holds it.

    `progress` is told how many bytes are read.
    """
    follower = ChainFollower(checkpoint)
    number = bytes_read = 0
    try:
        while line := lines.readline(LINE_BYTES_MAX):
            number += 1
            bytes_read += len(line)
            if not line.isspace():
                _take(follower, line)
            if progress is not None and number % LINES_PER_REPORT == 0:
                progress(bytes_read)
        number += 1
        follower.end()
        if follower.head.sequence == 0:
            raise ChainBroken(1, "the event is missing: the file holds none")
    except ChainBroken as broken:
        return FileVerification(follower.result(broken), number)
    if progress is not None:
        progress(bytes_read)
    return FileVerification(follower.result())


def _take(follower: ChainFollower, line: bytes) -> None:
    sequence = follower.head.sequence + 1
    if len(line) >= LINE_BYTES_MAX and not line.endswith(b"\n"):
        raise ChainBroken(sequence, f"the line is longer than {LINE_BYTES_MAX:,} bytes, which no event is")
    try:
        read: EventLine = read_event_line(line)
    except LineUnreadable as error:
        raise ChainBroken(sequence, f"the line cannot be read: {error}") from error
    if read.sequence == sequence and read.previous_hash != follower.head.hash:
        raise ChainBroken(sequence, "the previous hash is not that of the event before it")
    follower.take(read.sequence, read.content, read.hash)

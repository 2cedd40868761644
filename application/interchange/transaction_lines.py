"""Lines of a file of transactions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from domain.shared.errors import DomainError, ErrorKind

# As HTTP has it: a transaction of 5,000 entries with paths of 255 characters of one byte has 2 MB.
LINE_BYTES_MAX: Final = 4 * 1024 * 1024


class LineTooLong(DomainError):
    """A line of a file is longer than 4 MiB, which no transaction is."""

    code = "payload-too-large"
    kind = ErrorKind.INVALID
    title = "The line is too long"


class Lines(Protocol):
    """A file that is open for reading bytes."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line with its line break, or its first `limit` bytes; nothing at the end."""
        ...


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line that is not blank: its number, from 1, its bytes (None if too many), and how far into the file it ends."""

    number: int
    text: bytes | None
    end: int

    def json(self) -> bytes:
        """Return the JSON on the line. Raises `LineTooLong`."""
        if self.text is None:
            raise LineTooLong(f"The line is longer than {LINE_BYTES_MAX:,} bytes.")
        return self.text.strip()

    def with_reference(self, document: dict[str, Any], reference: str) -> tuple[dict[str, Any], bytes]:
        """Return the document with a reference, and its JSON."""
        named = document | {"reference": reference}
        return named, json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode()


def read_lines(lines: Lines) -> Iterator[RawLine]:
    """Yield the lines that are not blank, none of which is held longer than it takes."""
    number = end = 0
    while text := lines.readline(LINE_BYTES_MAX + 1):
        number += 1
        end += len(text)
        is_too_long = len(text) > LINE_BYTES_MAX
        while len(text) > LINE_BYTES_MAX and not text.endswith(b"\n"):
            text = lines.readline(LINE_BYTES_MAX + 1)
            end += len(text)
        if is_too_long:
            yield RawLine(number, None, end)
        elif not text.isspace():
            yield RawLine(number, text, end)

"""Files as text: what encoding they are in, and their lines, none of which is held longer than is good."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final

from charset_normalizer import from_bytes

LINE_LENGTH_MAX: Final = 256 * 1024  # characters
_CHUNK: Final = 256 * 1024
_SAMPLE: Final = 16 * 1024
# What files are that are no text, by their first bytes.
_OTHER_KINDS: Final = (
    (b"PK\x03\x04", "a ZIP archive (or a workbook)"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ\x00", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "a workbook or document of old Office programs"),
)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What banks write their files in, where it is not UTF-8. Between these, a few letters are enough to decide.
_ENCODINGS: Final = ["cp1252", "iso8859_15", "cp850", "cp1250", "mac_roman", "cp1251"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a file is read in, and what a person should know of that: nothing where it is UTF-8."""

    name: str
    remark: str | None = None


def refused(file: IO[bytes]) -> str | None:
    """Return why a file cannot be read as text at all, if its first bytes say so."""
    file.seek(0)
    first = file.read(8)
    file.seek(0)
    if not first:
        return "The file is empty."
    for beginning, kind in _OTHER_KINDS:
        if first.startswith(beginning):
            return f"The file is {kind}, and not text. Files are read as they are: unpack it, or export it again."
    return None


def encoding_of(file: IO[bytes], said: str | None = None, *, is_said_by_a_person: bool = False) -> Encoding | None:
    """Return the encoding of a file: its byte order mark's, UTF-8 if it is that, what is `said`, or the likeliest.

    Only a person knows better than the bytes; what files say of themselves is often wrong. None means that it is not
    in the encoding that a person said.
    """
    file.seek(0)
    first = file.read(_CHUNK)
    marked = next((name for mark, name in _MARKS if first.startswith(mark)), None)
    if is_said_by_a_person and said is not None:
        # With or without its mark, it is the same encoding.
        name = marked if marked and marked.startswith(said.lower()) else said
        return Encoding(name) if _is_in(file, name) else None
    if marked is not None:
        return Encoding(marked)
    if b"\0" in first:
        name = "utf-16-le" if first[1::2].count(0) > first[::2].count(0) else "utf-16-be"
        return Encoding(name, f"The file has no byte order mark; it is read as {name.upper()}.")
    if _is_in(file, "utf-8"):
        return Encoding("utf-8")
    if said is not None and _is_in(file, said):
        return Encoding(said)
    best = from_bytes(_sample(file), cp_isolation=_ENCODINGS).best()
    name = "latin-1" if best is None or not _is_in(file, best.encoding) else best.encoding
    return Encoding(name, f"The file is not in UTF-8; it is read as {name}, which is the likeliest.")


@contextmanager
def opened(file: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    """Open the file as text from its beginning, and leave it open afterwards."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()


def bounded_lines(text: io.TextIOWrapper) -> Iterator[tuple[int, str | None]]:
    """Yield the lines with their numbers, from 1, as they are; None for one that is too long."""
    number = 0
    while line := text.readline(LINE_LENGTH_MAX):
        number += 1
        is_whole = len(line) < LINE_LENGTH_MAX or line.endswith(("\n", "\r"))
        yield number, line if is_whole else None
        while not is_whole and (line := text.readline(LINE_LENGTH_MAX)):
            is_whole = len(line) < LINE_LENGTH_MAX or line.endswith(("\n", "\r"))


def _is_in(file: IO[bytes], encoding: str) -> bool:
    """Return whether all of the file is in this encoding; a character that is cut off at its end may be."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
    except (LookupError, UnicodeError):
        return False
    return True


def _sample(file: IO[bytes]) -> bytes:
    """Return the first lines that are not ASCII: all that tells one encoding from another."""
    sample = bytearray()
    file.seek(0)
    while len(sample) < _SAMPLE and (line := file.readline(_SAMPLE)):
        if not line.isascii():
            sample += line
    return bytes(sample)

"""Lines of a text file whose encoding is not told: it is detected, and each line has a bound."""

import codecs
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import IO, Final

from charset_normalizer import from_bytes

from application.interchange.found import Remark

LINE_CHARACTERS_MAX: Final = 64 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
# What is not UTF-8 is judged by so much of it, around where that shows.
_SAMPLE_BYTES: Final = 64 * 1024
# What files of books and banks are in where it is not Unicode.
_ENCODINGS: Final = ("cp1252", "iso8859_15", "cp850", "cp1250", "mac_roman", "cp1251")
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file is encoded, and whether that was found out by looking at it, so that it may be wrong."""

    name: str
    is_guessed: bool


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line without its break; `text` is None where it is too long to be one."""

    number: int
    text: str | None


def detect_encoding(file: IO[bytes]) -> Encoding:
    """Return how a file that can be read again is encoded, and go back to its beginning; UTF-8 where it can be that."""
    file.seek(0)
    beginning = file.read(4096)
    file.seek(0)
    for mark, name in _BYTE_ORDER_MARKS:
        if beginning.startswith(mark):
            return Encoding(name, is_guessed=False)
    if (order := _utf_16_without_mark(beginning)) is not None:
        return Encoding(order, is_guessed=True)
    sample = _sample_of_other(file)
    file.seek(0)
    if sample is None:
        return Encoding("utf-8", is_guessed=False)
    return Encoding(_likeliest(sample), is_guessed=True)


def read_lines(file: IO[bytes], encoding: Encoding) -> Generator[TextLine]:
    """Yield the lines, none of which is held longer than it may be. What cannot be decoded is U+FFFD there."""
    text = io.TextIOWrapper(file, encoding.name, errors="replace", newline=None)
    try:
        number = 0
        while line := text.readline(LINE_CHARACTERS_MAX + 1):
            number += 1
            if len(line) <= LINE_CHARACTERS_MAX:
                yield TextLine(number, line.removesuffix("\n"))
                continue
            while line and not line.endswith("\n"):
                line = text.readline(LINE_CHARACTERS_MAX + 1)
            yield TextLine(number, None)
    finally:
        # The file is the caller's to close.
        text.detach()


def _sample_of_other(file: IO[bytes]) -> bytes | None:
    """Return a part of the file that is not UTF-8, or None."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while chunk := file.read(_CHUNK_BYTES):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            # What was left of the chunk before may be counted, too.
            start = max(0, min(error.start, len(chunk)) - _SAMPLE_BYTES // 2)
            return chunk[start : start + _SAMPLE_BYTES]
    # A character that is cut off at the end makes it no other encoding.
    return None


def _likeliest(sample: bytes) -> str:
    """Return what the sample is encoded in: as Windows has it in the West, unless another one fits better.

    A few accented letters fit many encodings, and what is likelier among them is no question of the letters.
    """
    matches = from_bytes(sample, cp_isolation=list(_ENCODINGS))
    fitting = [each for each in matches if each.chaos == min(other.chaos for other in matches)]
    if any("cp1252" in each.could_be_from_charset for each in fitting):
        return "cp1252"
    # In Latin-1, which reads anything, at least what is ASCII is what it was.
    return fitting[0].encoding if fitting else "latin-1"


def _utf_16_without_mark(beginning: bytes) -> str | None:
    """Return the order in which text of mostly ASCII has a NUL in every second byte, or None."""
    half = len(beginning) // 2
    if half < 2:
        return None
    if beginning[1::2].count(0) > half * 0.6 and beginning[::2].count(0) < half * 0.1:
        return "utf-16-le"
    if beginning[::2].count(0) > half * 0.6 and beginning[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None


def encoding_remarks(encoding: Encoding) -> Iterator[Remark]:
    """Yield which encoding a file is read in, where it does not say that itself."""
    if encoding.is_guessed:
        yield Remark("line 1", f"The file does not say how it is encoded: it is read as {encoding.name}.")

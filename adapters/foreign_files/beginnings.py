"""What a file is by its first bytes, and what encoding it is in when somebody says so."""

import codecs
from typing import IO, Final

from adapters.foreign_files.text_lines import Encoding, detect_encoding

_CHUNK: Final = 256 * 1024
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


def refused(file: IO[bytes]) -> str | None:
    """Return why a file cannot be read as text at all, if its first bytes say so; it is at its beginning then."""
    file.seek(0)
    first = file.read(8)
    file.seek(0)
    if not first:
        return "The file is empty."
    for beginning, kind in _OTHER_KINDS:
        if first.startswith(beginning):
            return f"The file is {kind}, and not text. Files are read as they are: unpack it, or export it again."
    return None


def encoding_of(file: IO[bytes], said_by_file: str | None) -> Encoding:
    """Return the encoding that a file has by what it is made of, or what it says itself where that tells nothing.

    Files are often wrong about themselves: what is UTF-8 is not likely to be anything else.
    """
    found = detect_encoding(file)
    if found.is_guessed and said_by_file is not None and is_in(file, said_by_file):
        return Encoding(said_by_file, is_guessed=False)
    return found


def is_in(file: IO[bytes], encoding: str) -> bool:
    """Return whether all of the file is in this encoding; a character that is cut off at its end may be."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
    except (LookupError, UnicodeError):
        return False
    finally:
        file.seek(0)
    return True


def shown(encoding: Encoding) -> str:
    """Return what a person should know of an encoding that was found out."""
    return f"The file does not say how its text is encoded; it is read as {encoding.name}, which is the likeliest."

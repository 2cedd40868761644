"""What a file is by its first bytes, and what encoding it is in when somebody says so."""

import codecs
import re
from typing import IO, Final

from adapters.foreign_files.text_lines import Encoding, detect_encoding

_CHUNK: Final = 256 * 1024
_OF_TEXT: Final = re.compile(
    r"ascii|utf-(?:8|8-sig|16|16-[bl]e|32|32-[bl]e)|(?:cp|iso8859-)\d+|mac-[a-z]+|koi8-[a-z]|gb\w+|big5|euc_\w+|shift_jis"
)
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
    """Return whether all of the file is in this encoding of text; a character that is cut off at its end may be."""
    try:
        # There are others that turn text into something else, such as names of domains.
        if not _OF_TEXT.fullmatch(codecs.lookup(encoding).name):
            return False
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
    except (LookupError, ValueError):
        return False
    finally:
        file.seek(0)
    return True

"""What files may be called, and what they may be served as."""

import re
import unicodedata
from typing import Final

from domain.shared.errors import ValidationFailed
from domain.shared.text import checked_name

NAME_BYTES_MAX: Final = 255
DEFAULT_NAME: Final = "file"
DEFAULT_MEDIA_TYPE: Final = "application/octet-stream"
MEDIA_TYPE_LENGTH_MAX: Final = 127
# RFC 6838, 4.2.
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
# What a browser would run, or take apart in ways that reach other things: it is served as bytes alone.
_ACTIVE: Final = re.compile(r"text/(?:html|xml|xsl|css|.*script.*)|.*(?:xhtml|svg|xml|javascript|ecmascript|flash).*")
# They turn what is shown around: `gnp.exe` would look like `exe.png`.
_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def checked_file_name(name: str) -> str:
    """Return the last part of the name, as any system may store it: of up to 255 bytes of UTF-8, on one line.

    Folders in front of it, as some browsers send them, are cut off. Raises `ValidationFailed`.
    """
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1].strip())
    if last in ("", ".", ".."):
        raise ValidationFailed(f"{name[:100]!a} is no name of a file.")
    if _TURNS.search(last):
        raise ValidationFailed("The name of the file contains characters that turn text around.")
    checked_name(last, what="The name of the file", length_max=NAME_BYTES_MAX)
    if len(last.encode()) > NAME_BYTES_MAX:
        raise ValidationFailed(f"The name of the file has more than {NAME_BYTES_MAX} bytes in UTF-8.")
    return last


def checked_media_type(text: str | None) -> str:
    """Return the media type without its parameters, in lower case. Raises `ValidationFailed` for what is none."""
    if text is None or not text.strip():
        return DEFAULT_MEDIA_TYPE
    media_type = text.partition(";")[0].strip().lower()
    if len(media_type) > MEDIA_TYPE_LENGTH_MAX or not _MEDIA_TYPE.fullmatch(media_type):
        raise ValidationFailed(f"{text[:200]!a} is no media type: it looks like application/pdf.")
    return media_type


def served_type(media_type: str) -> str:
    """Return the type to serve the file as: its own, unless a browser would execute that."""
    return DEFAULT_MEDIA_TYPE if _ACTIVE.fullmatch(media_type) else media_type

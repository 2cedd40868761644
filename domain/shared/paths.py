"""Paths: how accounts are named."""

import unicodedata
from functools import lru_cache
from typing import Final

from domain.shared.errors import ValidationFailed

PATH_LENGTH_MAX: Final = 255


def checked_path(path: str, pointer: str | None = None) -> str:
    """Return `path` if it can name an account; else raise `ValidationFailed`.

    Segments joined by ':', each of Unicode letters, digits, '_', '-' and '.', not dots alone; in normal form C;
    at most 255 characters in all; case matters.
    """
    # Length first: what is too long is not worth a place in the cache.
    if len(path) > PATH_LENGTH_MAX:
        reason: str | None = f"it has {len(path):,} characters; at most {PATH_LENGTH_MAX} fit"
    else:
        reason = _wrong_with(path)
    if reason:
        shown = path if len(path) <= 80 else path[:80] + "…"
        raise ValidationFailed(f"{shown!a} cannot name an account: {reason}.", pointer=pointer)
    return path


@lru_cache(maxsize=65_536)
def _wrong_with(path: str) -> str | None:
    if not path:
        return "it is empty"
    for segment in path.split(":"):
        if not segment:
            return "a segment between its colons is empty"
        if not segment.strip("."):
            return "a segment is dots alone"
        for character in segment:
            if not _may_name(character):
                return f"it contains {character!a}; segments are letters, digits, '_', '-' and '.', joined by ':'"
    if not unicodedata.is_normalized("NFC", path):
        return "it is not in Unicode normal form C"
    return None


def _may_name(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in "_-."
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd"

"""Comments in journals, and the tags in them."""

import re
from collections.abc import Mapping
from typing import Final

from domain.shared.text import METADATA_KEY_LENGTH_MAX, METADATA_KEYS_MAX, METADATA_VALUE_LENGTH_MAX

_TAG: Final = re.compile(r"(?:^|(?<=[\s,]))([^\s:,;\[\]]+):(?:[ \t]+|$|(?=[^\s:]))([^,\n]*)")
_DATE_IN_BRACKETS: Final = re.compile(r"\[=?[0-9][0-9/.\-]*(?:=[0-9/.\-]+)?\]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def read_tags(comment: str) -> tuple[dict[str, str], str]:
    """Return the tags of a comment (`name: value`, up to a comma), and the comment if it says more than these."""
    if ":" not in comment:
        return {}, comment
    tags = {name: value.strip() for name, value in _TAG.findall(comment)}
    rest = _TAG.sub("", comment).strip(" ,\t")
    return tags, comment if rest else ""


def posting_date(comment: str) -> str | None:
    """Return the date of its own that a posting has, in brackets or as a tag."""
    if "[" in comment and (match := _DATE_IN_BRACKETS.search(comment)):
        return match[0].strip("[]").partition("=")[0] or None
    if "date:" in comment:
        return read_tags(comment)[0].get("date")
    return None


def bounded(metadata: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Return as much of it as metadata may have, and whether that is all."""
    kept: dict[str, str] = {}
    is_all = True
    for name, value in metadata.items():
        key = _CONTROL.sub(" ", name)[:METADATA_KEY_LENGTH_MAX]
        if len(kept) >= METADATA_KEYS_MAX or not key.strip():
            return kept, False
        kept[key] = value[:METADATA_VALUE_LENGTH_MAX]
        is_all = is_all and key == name and len(value) <= METADATA_VALUE_LENGTH_MAX
    return kept, is_all

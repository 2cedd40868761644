"""A log as lines of JSON: each event as it was hashed, with the two hashes behind it.

Reads `{"actor":…,"type":…,"previous_hash":"…","hash":"…"}`: the very bytes of the event, but for its closing brace,
come first. So anyone can check such a line with a JSON parser and SHA-256, and no program of ours.
"""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from domain.shared.chain import canonical_json

# Far beyond the longest event: a transaction of 5,000 entries with paths of 255 characters has 6 MB.
LINE_BYTES_MAX: Final = 64 * 1024 * 1024

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_AS_WRITTEN = re.compile(rb',"previous_hash":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}\s*\Z')


class LineUnreadable(ValueError):
    """A line is not that of an event; the message says why."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """What a line says: the event's bytes, and the sequence and hashes that are stated."""

    sequence: int
    content: bytes
    previous_hash: bytes
    hash: bytes


def read_event_line(line: bytes) -> EventLine:
    """Return what a line says, whatever the order of its keys and the space between them. Raises `LineUnreadable`."""
    try:
        document = _DECODER.decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise LineUnreadable(f"it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise LineUnreadable("it is not a JSON object")
    previous_hash, hash = _hash(document, "previous_hash"), _hash(document, "hash")
    sequence = document.get("sequence")
    if type(sequence) is not int:
        raise LineUnreadable("it states no sequence")
    return EventLine(sequence, _content(line, document, previous_hash + hash), previous_hash, hash)


def _content(line: bytes, document: dict[str, Any], hashes: bytes) -> bytes:
    written = _AS_WRITTEN.search(line)
    if written is not None:
        content = line[: written.start()] + b"}"
        if sha256(hashes[:32] + content).digest() == hashes[32:]:
            return content
    # Someone has formatted the line anew, or changed it.
    try:
        return canonical_json(document)
    except (ValueError, RecursionError) as error:
        raise LineUnreadable(f"it cannot be an event: {error}") from error


def _hash(document: dict[str, Any], name: str) -> bytes:
    value = document.pop(name, None)
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise LineUnreadable(f"it has no {name} of 64 hexadecimal digits")
    return bytes.fromhex(value)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is there twice: another program could read the other one."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise LineUnreadable("a key is there twice")
    return document


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates)

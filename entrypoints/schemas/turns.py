"""Writing what is long, while others are served."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from application.shared.turns import in_turns


async def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the document as JSON; its iterators are lists. Others are served while it is written."""
    return b"".join([part async for part in in_turns(_json_parts(document))])


def _json_parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, Iterator):
        yield b"["
        separator = b""
        for item in value:
            yield separator
            yield from _json_parts(item)
            separator = b","
        yield b"]"
    elif isinstance(value, Mapping) and any(isinstance(each, Iterator | Mapping) for each in value.values()):
        separator = b"{"
        for name, each in value.items():
            yield b"%b%b:" % (separator, orjson.dumps(name))
            yield from _json_parts(each)
            separator = b","
        yield b"}"
    else:
        yield orjson.dumps(value)

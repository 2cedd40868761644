"""Writing what is long, while others are served."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import orjson

# About a millisecond: whoever else is served by this event loop does not notice.
PARTS_PER_TURN: Final = 500

Part = TypeVar("Part")


async def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Return the document as JSON; its iterators are lists. Others are served while it is written."""
    return b"".join([part async for part in in_turns(_json_parts(document))])


async def in_turns(parts: Iterable[Part]) -> AsyncIterator[Part]:
    """Yield the parts, and let others have their turn now and then."""
    for index, part in enumerate(parts, 1):
        yield part
        if index % PARTS_PER_TURN == 0:
            await asyncio.sleep(0)


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

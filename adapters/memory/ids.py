"""Ids that can be foretold."""

from typing import Final

from typeid import TypeID
from uuid_utils import UUID

# A UUIDv7 of the first millisecond of 2026: time, version 7, no random bits yet, the variant of RFC 9562.
_FIRST: Final = (1_767_225_600_000 << 80) | (0x7 << 76) | (0b10 << 62)


class CountedIds:
    """`Ids` that are well-formed TypeIDs and count upwards from `start`, so that each run draws the same ones."""

    def __init__(self, start: int = 1) -> None:
        self._next = start

    def new(self, prefix: str) -> str:
        id = TypeID.from_uuid(UUID(int=_FIRST + self._next), prefix)
        self._next += 1
        return str(id)

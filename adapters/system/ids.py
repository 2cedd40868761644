"""TypeIDs: UUIDs of version 7 with a prefix that says what they name."""

from typeid import base32
from uuid_utils import uuid7


class TypeIds:
    """Draws TypeIDs; those drawn later sort later."""

    def new(self, prefix: str) -> str:
        return f"{prefix}_{base32.encode(uuid7().bytes)}"

"""How outward ids are stored: `txn_…` is a UUID with a prefix, and the column knows which."""

from uuid import UUID

from typeid import base32


def stored_id(prefix: str, id: str) -> UUID | None:
    """Return the UUID in a TypeID of that prefix, or None for what cannot be the id of anything."""
    of_prefix, _, suffix = id.rpartition("_")
    try:
        stored = UUID(bytes=base32.decode(suffix))
    except (RuntimeError, UnicodeEncodeError):  # what the library raises for anything but 26 of its characters
        return None
    return stored if of_prefix == prefix and base32.encode(stored.bytes) == suffix else None


def outward_id(prefix: str, stored: UUID) -> str:
    """Return the TypeID of a stored UUID."""
    return f"{prefix}_{base32.encode(stored.bytes)}"

"""Events of API keys: which an organisation has, and what they may do. The keys themselves are known to nobody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from domain.identity.api_key import KeyRights
from domain.shared.chain import format_time


@dataclass(frozen=True, slots=True)
class ApiKeyCreated:
    """An API key was created; the key itself is known to its owner alone."""

    type: ClassVar[str] = "api_key.created"
    id: str
    name: str
    rights: KeyRights

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "name": self.name, **self.rights.data()}


@dataclass(frozen=True, slots=True)
class ApiKeyRotated:
    """An API key was given a successor with the same rights, and ends with the overlap, at `after`."""

    type: ClassVar[str] = "api_key.rotated"
    id: str
    replaced_by: str
    before: datetime | None
    after: datetime

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        before = None if self.before is None else format_time(self.before)
        return {
            "id": self.id,
            "replaced_by": self.replaced_by,
            "before": {"expires_at": before},
            "after": {"expires_at": format_time(self.after)},
        }


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked:
    """An API key was revoked, for good."""

    type: ClassVar[str] = "api_key.revoked"
    id: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id}

"""Events of an organisation: facts about who may act for it. They name things by opaque ids, and hold no secrets."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class OrganisationCreated:
    """An organisation was created; always its first event."""

    type: ClassVar[str] = "organisation.created"
    name: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"name": self.name}


@dataclass(frozen=True, slots=True)
class ApiKeyCreated:
    """An API key was created; the key itself is known to its owner alone."""

    type: ClassVar[str] = "api_key.created"
    id: str
    name: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked:
    """An API key was revoked, for good."""

    type: ClassVar[str] = "api_key.revoked"
    id: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id}


@dataclass(frozen=True, slots=True)
class OriginsErased:
    """It was forgotten from where, and by which credentials, someone had acted; what they did stays."""

    type: ClassVar[str] = "origins.erased"
    actor: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"actor": self.actor}


OrganisationEvent = OriginsErased | OrganisationCreated | ApiKeyCreated | ApiKeyRevoked

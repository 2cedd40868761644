"""Events of an organisation itself. They name things by opaque ids, and hold no secrets."""

from dataclasses import dataclass
from typing import Any, ClassVar

from domain.shared.quotas import Quotas


@dataclass(frozen=True, slots=True)
class OrganisationCreated:
    """An organisation was created; always its first event."""

    type: ClassVar[str] = "organisation.created"
    name: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"name": self.name}


@dataclass(frozen=True, slots=True)
class OrganisationChanged:
    """An organisation was renamed."""

    type: ClassVar[str] = "organisation.changed"
    before: str
    after: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"before": {"name": self.before}, "after": {"name": self.after}}


@dataclass(frozen=True, slots=True)
class QuotasSet:
    """Whoever runs the server set how much the organisation may have."""

    type: ClassVar[str] = "organisation.quotas_set"
    before: Quotas
    after: Quotas

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"before": self.before.data(), "after": self.after.data()}


@dataclass(frozen=True, slots=True)
class OriginsErased:
    """It was forgotten from where, and by which credentials, someone had acted; what they did stays."""

    type: ClassVar[str] = "origins.erased"
    actor: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"actor": self.actor}

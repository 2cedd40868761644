"""Events of webhooks, in the log of their organisation. They hold no secrets, and of URLs only where they lead."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from domain.shared.chain import format_time
from domain.webhooks.endpoint import PauseReason, Wanted


@dataclass(frozen=True, slots=True)
class WebhookCreated:
    """An endpoint was made; it gets events from now on."""

    type: ClassVar[str] = "webhook.created"
    id: str
    wanted: Wanted

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, **self.wanted.data()}


@dataclass(frozen=True, slots=True)
class WebhookChanged:
    """An endpoint leads elsewhere, or gets other events. Where only the path of its URL differs, both read the same."""

    type: ClassVar[str] = "webhook.changed"
    id: str
    before: Wanted
    after: Wanted

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "before": self.before.data(), "after": self.after.data()}


@dataclass(frozen=True, slots=True)
class WebhookSecretRotated:
    """An endpoint has another secret; the one before is used as well until then (UTC)."""

    type: ClassVar[str] = "webhook.secret_rotated"
    id: str
    before_until: datetime

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "before_until": format_time(self.before_until)}


@dataclass(frozen=True, slots=True)
class WebhookWasPaused:
    """Nothing is sent to an endpoint from now on."""

    type: ClassVar[str] = "webhook.paused"
    id: str
    reason: PauseReason

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "reason": self.reason.value}


@dataclass(frozen=True, slots=True)
class WebhookResumed:
    """An endpoint gets events again, from where it was."""

    type: ClassVar[str] = "webhook.resumed"
    id: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id}


@dataclass(frozen=True, slots=True)
class WebhookReplayed:
    """An endpoint gets the events of a ledger again, from after a sequence on."""

    type: ClassVar[str] = "webhook.replayed"
    id: str
    ledger: str
    after: int

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "ledger": self.ledger, "after": self.after}


@dataclass(frozen=True, slots=True)
class WebhookDeleted:
    """An endpoint gets nothing any more."""

    type: ClassVar[str] = "webhook.deleted"
    id: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id}

"""Events of an organisation about OAuth: its clients, and what they were granted. They hold no secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class OAuthClientCreated:
    """A client was registered; `settings` is all that it is set to."""

    type: ClassVar[str] = "oauth_client.created"
    id: str
    is_confidential: bool
    settings: Mapping[str, Any]

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "confidential": self.is_confidential, **self.settings}


@dataclass(frozen=True, slots=True)
class OAuthClientChanged:
    """A client was set otherwise."""

    type: ClassVar[str] = "oauth_client.changed"
    id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown: of what was set, only what is different."""
        changed = [name for name, value in self.after.items() if self.before[name] != value]
        return {
            "id": self.id,
            "before": {name: self.before[name] for name in changed},
            "after": {name: self.after[name] for name in changed},
        }


@dataclass(frozen=True, slots=True)
class OAuthClientSecretRotated:
    """A client was given another secret; the one before is of no use any more."""

    type: ClassVar[str] = "oauth_client.secret_rotated"
    id: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id}


@dataclass(frozen=True, slots=True)
class OAuthClientRevoked:
    """A client was revoked for good, and all that it was granted with it."""

    type: ClassVar[str] = "oauth_client.revoked"
    id: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id}


@dataclass(frozen=True, slots=True)
class OAuthGrantGiven:
    """A person consented to what a client may do; without a person, the client began to act for itself."""

    type: ClassVar[str] = "oauth_grant.given"
    id: str
    client: str
    person: str | None
    scopes: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "client": self.client, "person": self.person, "scopes": list(self.scopes)}


@dataclass(frozen=True, slots=True)
class OAuthGrantRevoked:
    """A grant ended, with all its tokens.

    `reason` is one of `asked`, `code-replayed`, `refresh-token-replayed`, `password-changed`, `password-reset`,
    `sessions-ended`. With a member who is removed or leaves, and with a client, grants end without events of their own.
    """

    type: ClassVar[str] = "oauth_grant.revoked"
    id: str
    client: str
    reason: str

    def data(self) -> dict[str, Any]:
        """Return what is hashed and shown."""
        return {"id": self.id, "client": self.client, "reason": self.reason}

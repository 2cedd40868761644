"""Quotas: how much an organisation may have and ask for, as whoever runs the server has set it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from domain.shared.errors import QuotaExceeded, ValidationFailed

QUOTA_MAX: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class StorageUsedUp:
    """That an organisation's logs and files have reached its quota of storage, both in bytes."""

    used: int
    quota: int

    def refusal(self) -> QuotaExceeded:
        """Return why nothing more may be written."""
        return QuotaExceeded(
            f"The organisation's logs and files hold {self.used:,} bytes, and its quota is {self.quota:,}: it can be "
            "read, and nothing more is written. Ask whoever runs this server for a larger quota.",
            facts={"quota": "storage_bytes", "used": str(self.used), "limit": str(self.quota)},
        )


@dataclass(frozen=True, slots=True)
class Quotas:
    """What an organisation has at most; None is without a limit.

    `ledgers` counts archived ones too; `api_keys` those that work; `storage_bytes` is of its logs and its files.
    """

    ledgers: int | None = None
    api_keys: int | None = None
    requests_per_minute: int | None = None
    storage_bytes: int | None = None

    def __post_init__(self) -> None:
        """Raise `ValidationFailed` for a number below zero (below one, of requests), or beyond 2^53."""
        for name, quota in self.data().items():
            least = 1 if name == "requests_per_minute" else 0
            if quota is not None and not least <= quota <= QUOTA_MAX:
                raise ValidationFailed(f"The quota {name} is from {least} to {QUOTA_MAX}, not {quota}.")

    def data(self) -> dict[str, int | None]:
        """Return it as JSON, for events and rows."""
        return asdict(self)

    @staticmethod
    def of(data: Mapping[str, Any]) -> "Quotas":
        """Return what `data()` said; what it did not say is without a limit."""
        return Quotas(**{field.name: data.get(field.name) for field in fields(Quotas)})

    def require_another_ledger(self, used: int) -> None:
        """Return if an organisation that has so many ledgers may have one more; else raise `QuotaExceeded`."""
        _require_another("ledgers", "ledgers", used, self.ledgers)

    def require_another_api_key(self, used: int) -> None:
        """Return if an organisation that has so many working API keys may have one more; else `QuotaExceeded`."""
        _require_another("api_keys", "API keys that work", used, self.api_keys, " Revoke one that is not needed, or")

    def storage_exceeded(self, used_bytes: int) -> StorageUsedUp | None:
        """Return that nothing more may be written once the logs have so many bytes, or None."""
        if self.storage_bytes is None or used_bytes < self.storage_bytes:
            return None
        return StorageUsedUp(used_bytes, self.storage_bytes)


def _require_another(name: str, what: str, used: int, quota: int | None, hint: str = "") -> None:
    if quota is not None and used >= quota:
        asking = f"{hint} ask" if hint else " Ask"
        raise QuotaExceeded(
            f"The organisation has {used:,} {what}, and its quota is {quota:,}.{asking} whoever runs this server for a "
            "larger quota.",
            facts={"quota": name, "used": str(used), "limit": str(quota)},
        )

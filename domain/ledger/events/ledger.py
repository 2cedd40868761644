"""What happens to a ledger as a whole: its settings, its assets, its chart and its periods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from domain.ledger.chart import Rule
from domain.ledger.events.account import Data, before_data, limits_data
from domain.shared.chain import format_time


def rules_data(rules: tuple[Rule, ...]) -> Data:
    """Return a chart's rules as a member of an event's data."""
    return {
        "rules": [{"pattern": rule.pattern.text, "type": rule.type.value, **limits_data(rule.limits)} for rule in rules]
    }


@dataclass(frozen=True, slots=True)
class LedgerCreated:
    """A set of books was started; always its first event."""

    type: ClassVar[str] = "ledger.created"
    name: str
    time_zone: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"metadata": dict(self.metadata), "name": self.name, "time_zone": self.time_zone}


@dataclass(frozen=True, slots=True)
class LedgerChanged:
    """A ledger's name or metadata were changed to these."""

    type: ClassVar[str] = "ledger.changed"
    name: str
    metadata: Mapping[str, str]
    before: Data | None = None

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"metadata": dict(self.metadata), "name": self.name, **before_data(self.before)}


@dataclass(frozen=True, slots=True)
class _Reasoned:
    reason: str

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class LedgerFrozen(_Reasoned):
    """A ledger takes no more transactions and holds."""

    type: ClassVar[str] = "ledger.frozen"


@dataclass(frozen=True, slots=True)
class LedgerUnfrozen(_Reasoned):
    """A ledger takes transactions and holds again."""

    type: ClassVar[str] = "ledger.unfrozen"


@dataclass(frozen=True, slots=True)
class LedgerArchived(_Reasoned):
    """A ledger that was empty was put away."""

    type: ClassVar[str] = "ledger.archived"


@dataclass(frozen=True, slots=True)
class LedgerRestored(_Reasoned):
    """An archived ledger is in use again."""

    type: ClassVar[str] = "ledger.restored"


@dataclass(frozen=True, slots=True)
class AssetRegistered:
    """An asset got its scale; again, while it is unused, to correct it."""

    type: ClassVar[str] = "asset.registered"
    code: str
    scale: int
    before: Data | None = None

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"code": self.code, "scale": self.scale, **before_data(self.before)}


@dataclass(frozen=True, slots=True)
class ChartSet:
    """The ledger's chart was replaced by these rules."""

    type: ClassVar[str] = "chart.set"
    rules: tuple[Rule, ...]
    before: Data | None = None

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return rules_data(self.rules) | before_data(self.before)


@dataclass(frozen=True, slots=True)
class PeriodClosed:
    """The books are closed up to, and without, the day `ends_on`, which begins at `ends_at` (UTC).

    The period begins with the day on which the one before ended; both are None for the first.
    """

    type: ClassVar[str] = "period.closed"
    id: str
    starts_on: date | None
    starts_at: datetime | None
    ends_on: date
    ends_at: datetime
    reason: str = ""

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {
            "ends_at": format_time(self.ends_at),
            "ends_on": self.ends_on.isoformat(),
            "id": self.id,
            "reason": self.reason,
            "starts_at": None if self.starts_at is None else format_time(self.starts_at),
            "starts_on": None if self.starts_on is None else self.starts_on.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class PeriodReopened:
    """The last closed period is open again."""

    type: ClassVar[str] = "period.reopened"
    id: str
    reason: str

    def data(self) -> Data:
        """Return what is hashed and shown."""
        return {"id": self.id, "reason": self.reason}

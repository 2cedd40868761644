"""What a ledger says of itself, and what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from domain.shared.errors import DomainError, ErrorKind


class FrozenLedger(DomainError):
    """The ledger is frozen: it takes no transactions and no holds until it is unfrozen."""

    code = "ledger-frozen"
    kind = ErrorKind.REFUSED
    title = "The ledger is frozen"


class ArchivedLedger(DomainError):
    """The ledger is archived: it can be read, and nothing in it changes until it is restored."""

    code = "ledger-archived"
    kind = ErrorKind.REFUSED
    title = "The ledger is archived"


class LedgerNotEmpty(DomainError):
    """A ledger is archived when all of its balances are zero and nothing is held."""

    code = "ledger-not-empty"
    kind = ErrorKind.CONFLICT
    title = "The ledger is not empty"


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """What a ledger says of itself; `version` counts its changes.

    Nothing may become effective before `closed_until` (UTC), the beginning of the day `closed_until_day` in the
    ledger's time zone.
    """

    name: str = ""
    time_zone: str = "UTC"
    metadata: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    is_frozen: bool = False
    is_archived: bool = False
    closed_until: datetime | None = None
    closed_until_day: date | None = None

"""Periods: dates whose books are closed."""

from dataclasses import dataclass
from datetime import date, datetime

from domain.shared.errors import DomainError, ErrorKind


class InClosedPeriod(DomainError):
    """The transaction would take effect in a period that is closed. Let it take effect later, or reopen the period."""

    code = "period-closed"
    kind = ErrorKind.REFUSED
    title = "The period is closed"


class PeriodNotOver(DomainError):
    """A period can be closed when its last day is over, in the ledger's time zone."""

    code = "period-not-over"
    kind = ErrorKind.REFUSED
    title = "The period is not over"


class PeriodOutOfOrder(DomainError):
    """Periods are closed one after the other, each to a later date, and reopened from the last one back."""

    code = "period-out-of-order"
    kind = ErrorKind.CONFLICT
    title = "Not in this order"


@dataclass(frozen=True, slots=True)
class Period:
    """Dates from `starts_on` (None is since ever) up to, and without, `ends_on`, in the ledger's time zone.

    `starts_at` and `ends_at` are the instants (UTC) at which these days begin there.
    """

    id: str
    starts_on: date | None
    starts_at: datetime | None
    ends_on: date
    ends_at: datetime
    is_closed: bool = True

"""The port that reads closed periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.shared.pagination import Page, PageRequest
from domain.ledger.period import Period


@dataclass(frozen=True, slots=True)
class PeriodView:
    """A period, and how it came to be closed and, where it was, reopened (UTC).

    `closing_transactions` are the ids of those that moved its results to equity, in their order.
    """

    period: Period
    reason: str
    closed_at: datetime
    reopened_at: datetime | None = None
    reopen_reason: str | None = None
    closing_transactions: Sequence[str] = ()


class PeriodReader(Protocol):
    """Reads periods that are closed, or were."""

    async def period(self, slug: str, id: str) -> PeriodView:
        """Return the period, or raise `NotFound`."""
        ...

    async def periods(self, slug: str, page: PageRequest) -> Page[PeriodView]:
        """Return the ledger's periods by `closed_at`, the reopened ones too."""
        ...

"""The port that reads ledgers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.shared.pagination import Page, PageRequest
from domain.ledger.asset import Asset
from domain.ledger.chart import Chart
from domain.ledger.settings import LedgerSettings
from domain.shared.chain import Head
from domain.shared.stable import stable


@dataclass(frozen=True, slots=True)
class LedgerView:
    """A ledger, and where its log stands."""

    slug: str
    settings: LedgerSettings
    created_at: datetime
    sequence: int


@stable(since="0.2.0")
class LedgerReader(Protocol):
    """Reads ledgers and their settings."""

    async def ledger(self, slug: str) -> LedgerView:
        """Return the ledger, or raise `LedgerNotFound`."""
        ...

    async def ledgers(self, page: PageRequest, *, status: Sequence[str] = ()) -> Page[LedgerView]:
        """Return the organisation's ledgers by `slug`: those of these statuses (`open`, `archived`), or all."""
        ...

    async def require_another(self) -> None:
        """Return if the organisation may have one more ledger; else raise `QuotaExceeded`."""
        ...

    async def chart(self, slug: str) -> Chart:
        """Return the ledger's chart, or raise `LedgerNotFound`."""
        ...

    async def assets(self, slug: str) -> Sequence[Asset]:
        """Return the ledger's assets by code, or raise `LedgerNotFound`."""
        ...

    async def head(self, slug: str, *, up_to: int | None = None) -> Head:
        """Return the ledger's last event, or the last one up to a sequence. Raises `LedgerNotFound`.

        Its hash stands for all events up to it, and so for all that follows from them.
        """
        ...

"""Port of reading holds, and what is seen of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from application.ledger.spans import OPEN_SPAN, Span
from application.shared.pagination import Page, PageRequest
from domain.ledger.hold import Hold
from domain.shared.patterns import Pattern


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold, when it was placed and closed (UTC), and the ids of the first 20 transactions that captured from it."""

    hold: Hold
    placed_at: datetime
    closed_at: datetime | None = None
    captures: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class HoldFilter:
    """Which holds to list; what is None or empty does not restrict."""

    status: Sequence[str] = ()
    account: Pattern | None = None
    reference: Sequence[str] = ()
    expires_at: Span = OPEN_SPAN
    placed_at: Span = OPEN_SPAN
    sequence: Span = OPEN_SPAN


class HoldReader(Protocol):
    """Reads holds."""

    async def hold(self, slug: str, id: str) -> HoldView:
        """Return the hold, or raise `NotFound`."""
        ...

    async def holds(self, slug: str, where: HoldFilter, page: PageRequest) -> Page[HoldView]:
        """Return holds by `sequence` or `placed_at`."""
        ...

    async def named(self, slug: str, ids: Sequence[str]) -> dict[str, HoldView]:
        """Return those of the holds that there are, by their ids."""
        ...

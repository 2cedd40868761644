"""Spans that lists are filtered by, and from where a ledger is looked at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.shared.stable import stable


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Span:
    """From and to, each inclusive or not; None is open."""

    gt: object = None
    gte: object = None
    lt: object = None
    lte: object = None


OPEN_SPAN: Final = Span()


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class AsOf:
    """From where a ledger is looked at: what is effective before that time (UTC; None is all there is), as known after
    the event of that sequence (None is the last one).
    """

    before: datetime | None = None
    sequence: int | None = None

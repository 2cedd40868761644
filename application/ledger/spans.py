"""Spans: from and to, for lists to be filtered by."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """From and to, each inclusive or not; None is open."""

    gt: object = None
    gte: object = None
    lt: object = None
    lte: object = None


OPEN_SPAN: Final = Span()

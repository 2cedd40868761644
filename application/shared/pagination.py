"""Pages of lists: keyset, never offset."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from domain.shared.stable import stable

ROWS_READ_MAX = 10_000

Item = TypeVar("Item", covariant=True)
Position = tuple[str | int, ...]


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list: at most `limit` items after the position `after` (None is the beginning) in `sort` order.

    `sort` is a field's name, with a minus in front for descending.
    """

    sort: str
    limit: int = 50
    after: Position | None = None

    @property
    def field(self) -> str:
        """Return the field to sort by."""
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        """Return whether the order is descending."""
        return self.sort.startswith("-")


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, and the position after which the next page starts; None when this is the last.

    A page may be short, or even empty, and still have a next one: it reads at most 10,000 rows. `positions` are those
    of the items, for who wants to go on after any of them.
    """

    items: Sequence[Item]
    next_after: Position | None
    positions: Sequence[Position] = field(default=(), compare=False)
